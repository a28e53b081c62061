/**
 * Where the broker is and how things are called: config.json, overridden by the address bar.
 */

/**
 * @typedef {{url: string, prefix: string, title: string, language: ?string, theme: ?string}} Config
 */

/**
 * @param {any} file what config.json says; {} without one
 * @param {{protocol: string, hostname: string, port: string, search: string}} place window.location
 * @returns {Config}
 */
export function readConfig(file, place) {
  const query = new URLSearchParams(place.search);
  const broker = file?.broker ?? {};
  return {
    url: query.get("broker") || broker.url || derive(broker, place),
    prefix: query.get("prefix") || file?.prefix || "backstride",
    title: file?.title || "Backstride",
    language: query.get("lang") || file?.language || null,
    theme: query.get("theme"),
  };
}

/** @param {any} broker @param {{protocol: string, hostname: string, port: string}} place */
function derive(broker, place) {
  const scheme = broker.tls || place.protocol === "https:" ? "wss" : "ws";
  const host =
    place.hostname.includes(":") && !place.hostname.startsWith("[") ? `[${place.hostname}]` : place.hostname;
  const port = broker.port ?? place.port;
  return `${scheme}://${host || "localhost"}${port ? `:${port}` : ""}${broker.path || "/mqtt"}`;
}

/** @returns {Promise<Config>} */
export async function loadConfig() {
  let file = {};
  try {
    const answer = await fetch("./config.json", { cache: "no-store" });
    if (answer.ok) file = await answer.json();
  } catch {
    // No file, or no server any more: the defaults and the address bar are enough.
  }
  return readConfig(file, location);
}
