// Sends Stop at once, and again each second until the treadmill's phase confirms it. Needs nothing else.
// What confirms it is the rule of Backstride's own page; a test compares the two.
const AT_REST = ["idle", "finished"];
// Here the phase cannot show that it was heard: the answer does.
const ANSWERED = ["offline", "faulted", "handed_over"];
// Stages of `stopping` that belong to a pause or a turn, and not to a Stop.
const PASSING = ["then pause", "then turn"];
const TRIES = 60;

clearInterval(context.get("timer"));
const asked = Date.now();
const id = `nodered-${RED.util.generateId()}`;
let tries = 0;
let answered = false;

function confirmed() {
    const view = flow.get("view") || {};
    const { answer, state } = view;
    if (answer && answer.id === id) answered = answer.reply === "ok";
    if (!view.broker || !view.live || !(view.at > asked)) return false;
    if (state.phase === "stopping") return !PASSING.includes(state.stage);
    return AT_REST.includes(state.phase) || (answered && ANSWERED.includes(state.phase));
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
    const note = { v: 1, id, command: "stop", ts: new Date().toISOString() };
    node.send([{ topic: `${env.get("PREFIX")}/command`, payload: JSON.stringify(note), contentType: "application/json" }, null]);
    if (!(flow.get("view") || {}).broker) {
        node.send([null, { topic: "notice", payload: "Stop cannot be sent, the broker is away: pull the safety clip" }]);
    }
}

again();
context.set("timer", setInterval(again, 1000));
