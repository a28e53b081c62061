/**
 * Runs a function node of the flow as Node-RED does, at the times that a test sets.
 *
 * In, as JSON: the node's name, and scenarios, each with a node of its own: lists of {at, view?, msg?}, `at` in
 * ms. A step lets the time pass, replaces what the flow knows, and gives the node a message. The ids that it
 * asks for are 1, 2, and so on. Out, as JSON, for each scenario: {sent: [{at, port, msg}], view}.
 */
import { readFileSync } from "node:fs";
import { mock } from "node:test";

const { name, scenarios } = JSON.parse(readFileSync(0, "utf8"));
const code = readFileSync(new URL(`../../integrations/node-red/source/${name}.js`, import.meta.url), "utf8");

function store() {
  const kept = new Map();
  return { get: (key) => kept.get(key), set: (key, value) => kept.set(key, value) };
}

function play(steps) {
  const sent = [];
  const send = (outputs) => {
    for (const [port, msg] of [outputs].flat().entries()) if (msg) sent.push({ at: Date.now(), port, msg });
  };
  const flow = store();
  let ids = 0;
  const given = {
    flow,
    context: store(),
    node: { send, status() {} },
    env: { get: (key) => ({ PREFIX: "backstride/home" })[key] },
    RED: { util: { generateId: () => String((ids += 1)) } },
  };
  const run = new Function("msg", ...Object.keys(given), code);
  mock.timers.enable({ apis: ["Date", "setInterval", "setTimeout"], now: 0 });
  for (const { at, view, msg } of steps) {
    // In small steps: within one, each timer would see the time of its end.
    while (Date.now() < at) mock.timers.tick(Math.min(100, at - Date.now()));
    if (view) flow.set("view", view);
    if (msg) send(run(msg, ...Object.values(given)));
  }
  mock.timers.reset();
  return { sent, view: flow.get("view") };
}

process.stdout.write(JSON.stringify(scenarios.map(play)));
