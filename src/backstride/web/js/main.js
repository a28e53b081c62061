/**
 * The beginning: configuration, the model, the first picture, and the shell for days without a server.
 */

import { loadConfig } from "./config.js";
import { Page } from "./page.js";
import "./views/hold.js";
import "./views/chart.js";
import "./views/overview.js";
import "./views/programs.js";
import "./views/today.js";
import "./views/feedback.js";
import "./views/history.js";
import "./views/training.js";
import "./views/armed.js";
import "./views/live.js";
import "./views/wall.js";
import "./views/treadmill.js";
import "./views/login.js";
import "./views/settings.js";
import "./views/app.js";

const page = new Page(await loadConfig());
const app = /** @type {any} */ (document.createElement("bs-app"));
app.page = page;
document.getElementById("root")?.replaceWith(app);
page.start();
await app.updateComplete;
document.documentElement.dataset.ready = "true";

// Browsers allow a service worker on https and localhost only; elsewhere the page works without.
if (isSecureContext && "serviceWorker" in navigator) {
  navigator.serviceWorker.register("./sw.js").catch(() => undefined);
}
