/**
 * The part of the address after #, as a route. Pure.
 *
 * @typedef {{name: "home" | "gym" | "settings", treadmill: null}
 *   | {name: "treadmill" | "wall" | "settings" | "history" | "plan", treadmill: string}} Route
 */

const INSIDE = /** @type {const} */ (["wall", "settings", "history", "plan"]);

const ID = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;

/** @param {string} hash @returns {Route} what is not understood is home */
export function readRoute(hash) {
  const [first, id, view, ...more] = hash.replace(/^#\/?/, "").split("/");
  if (more.length === 0 && first === "t" && ID.test(id ?? "")) {
    if (view === undefined || view === "") return { name: "treadmill", treadmill: id };
    const name = INSIDE.find((one) => one === view);
    if (name !== undefined) return { name, treadmill: id };
  }
  if (first === "gym") return { name: "gym", treadmill: null };
  if (first === "settings") return { name: "settings", treadmill: null };
  return { name: "home", treadmill: null };
}

/**
 * What is really shown: home is the only treadmill there is, else all of them.
 * @param {Route} route
 * @param {string[]} treadmills
 * @returns {Route}
 */
export function resolve(route, treadmills) {
  if (route.name !== "home") return route;
  if (treadmills.length === 1) return { name: "treadmill", treadmill: treadmills[0] };
  return { name: "gym", treadmill: null };
}

/** @param {Route} route */
export function href(route) {
  if (route.treadmill === null) return route.name === "home" ? "#/" : `#/${route.name}`;
  return route.name === "treadmill" ? `#/t/${route.treadmill}` : `#/t/${route.treadmill}/${route.name}`;
}
