/**
 * Keeps the page's shell for days without a server. Network first: what commands a treadmill should be
 * the version that the server has. No message of the broker ever passes through here.
 */

const SHELL = "backstride-shell-1";
/** Everything that the page loads; a test compares it with what is there. */
const FILES = [
  "./",
  "./css/armed.css",
  "./css/base.css",
  "./css/choose.css",
  "./css/frame.css",
  "./css/gym.css",
  "./css/live.css",
  "./css/people.css",
  "./css/stop.css",
  "./css/wall.css",
  "./i18n/de.js",
  "./i18n/en.js",
  "./i18n/es.js",
  "./i18n/fr.js",
  "./i18n/no.js",
  "./icons/icon.svg",
  "./icons/maskable.svg",
  "./index.html",
  "./js/awake.js",
  "./js/broker.js",
  "./js/chart.js",
  "./js/clock.js",
  "./js/commands.js",
  "./js/config.js",
  "./js/cues.js",
  "./js/format.js",
  "./js/grip.js",
  "./js/i18n.js",
  "./js/keys.js",
  "./js/main.js",
  "./js/outlets.js",
  "./js/page.js",
  "./js/people.js",
  "./js/phases.js",
  "./js/plan.js",
  "./js/prefs.js",
  "./js/reading.js",
  "./js/router.js",
  "./js/speech.js",
  "./js/stops.js",
  "./js/store.js",
  "./js/views/app.js",
  "./js/views/armed.js",
  "./js/views/base.js",
  "./js/views/chart.js",
  "./js/views/feedback.js",
  "./js/views/history.js",
  "./js/views/hold.js",
  "./js/views/live.js",
  "./js/views/login.js",
  "./js/views/overview.js",
  "./js/views/parts.js",
  "./js/views/programs.js",
  "./js/views/settings.js",
  "./js/views/stopbar.js",
  "./js/views/today.js",
  "./js/views/training.js",
  "./js/views/treadmill.js",
  "./js/views/wall.js",
  "./manifest.webmanifest",
  "./vendor/lit/css-tag.js",
  "./vendor/lit/directive-helpers.js",
  "./vendor/lit/directive.js",
  "./vendor/lit/directives/live.js",
  "./vendor/lit/directives/repeat.js",
  "./vendor/lit/lit-element.js",
  "./vendor/lit/lit-html.js",
  "./vendor/lit/reactive-element.js",
  "./vendor/mqtt/mqtt.js",
  "./vendor/uplot/uplot.css",
  "./vendor/uplot/uplot.js",
];
/** ms to wait for the server before the kept copy is good enough. */
const PATIENCE = 2_500;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(SHELL).then((cache) => cache.addAll(FILES)));
  self.skipWaiting();
});

self.addEventListener("activate", (event) => {
  const old = caches
    .keys()
    .then((names) =>
      Promise.all(
        names
          .filter((name) => name.startsWith("backstride-") && name !== SHELL)
          .map((name) => caches.delete(name)),
      ),
    );
  event.waitUntil(old.then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  event.respondWith(answer(event.request));
});

/** @param {Request} request */
async function answer(request) {
  const cache = await caches.open(SHELL);
  try {
    const fresh = await fetch(request, { signal: AbortSignal.timeout(PATIENCE) });
    if (fresh.ok) await cache.put(bare(request), fresh.clone());
    return fresh;
  } catch {
    return (await cache.match(bare(request))) ?? Response.error();
  }
}

/** Without the query: it may name a broker, and the shell is the same. @param {Request} request */
function bare(request) {
  const url = new URL(request.url);
  return `${url.origin}${url.pathname}`;
}
