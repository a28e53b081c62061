// Sends Stop at once, and again each second until the treadmill's phase confirms it. Needs nothing else.
const MOVING = ["armed", "countdown", "starting", "running", "turning", "holding", "slowing", "handed_over"];
const TRIES = 60;

clearInterval(context.get("timer"));
const asked = Date.now();
let tries = 0;

function confirmed() {
    const view = flow.get("view") || {};
    return view.broker && view.at > asked && view.state && !MOVING.includes(view.state.phase);
}

function again() {
    if (tries > 0 && confirmed()) {
        clearInterval(context.get("timer"));
        node.status({ fill: "green", shape: "dot", text: "confirmed" });
        return;
    }
    if (tries >= TRIES) {
        clearInterval(context.get("timer"));
        node.status({ fill: "red", shape: "dot", text: "not confirmed" });
        node.send([null, { topic: "notice", payload: "Stop was not confirmed: pull the safety clip" }]);
        return;
    }
    tries += 1;
    node.status({ fill: "yellow", shape: "ring", text: `asked ${tries} times` });
    const note = { v: 1, id: `nodered-${RED.util.generateId()}`, command: "stop", ts: new Date().toISOString() };
    node.send([{ topic: `${env.get("PREFIX")}/command`, payload: JSON.stringify(note), contentType: "application/json" }, null]);
    if (!(flow.get("view") || {}).broker) {
        node.send([null, { topic: "notice", payload: "Stop cannot be sent, the broker is away: pull the safety clip" }]);
    }
}

again();
context.set("timer", setInterval(again, 1000));
