// Keeps the newest of what the treadmill says, and tells the page how old it is.
// In: every topic of the treadmill, the broker's status, a tick each second, notices of our own.
const LIVELY = ["armed", "countdown", "starting", "running", "turning", "holding", "slowing", "stopping", "handed_over"];
const STALE_MS = { lively: 3000, quiet: 45000 };

const now = Date.now();
const view = flow.get("view") || { broker: false, availability: "offline" };
const state = () => view.state || {};

function keep(name, payload) {
    switch (name) {
        case "state":
            view.state = payload;
            view.live = !msg.retain;
            // A retained state may be old; its own time says how old, if the clocks agree.
            view.at = msg.retain ? Math.min(Date.parse(payload.time) || 0, now) : now;
            break;
        case "response":
            if (String(payload.id).startsWith("nodered-")) view.answer = { ...payload, at: now };
            break;
        case "notice":
            view.answer = { reply: "refused", sentence: payload, at: now };
            break;
        case "availability":
        case "connection":
        case "info":
        case "programs":
        case "walkers":
        case "plan":
        case "history":
        case "session":
        case "cue":
            view[name] = payload;
            break;
    }
}

if (msg.status) {
    view.broker = msg.status.fill === "green";
} else if (msg.topic) {
    keep(msg.topic.split("/").pop(), msg.payload);
}

const lively = LIVELY.includes(state().phase);
const silence = view.at === undefined ? Infinity : now - view.at;
view.why = !view.broker ? "no connection to the broker"
    : view.availability !== "online" ? "Backstride is offline"
    : view.at === undefined ? "nothing was heard yet"
    : silence > (lively ? STALE_MS.lively : STALE_MS.quiet) ? "no news from Backstride"
    : "";
view.stale = view.why !== "";
view.lively = lively;
// Seconds since the machine's newest speed: what its state said, and the time since then. Null without one.
view.age = typeof state().age === "number" ? state().age + silence / 1000 : null;
if (view.answer && now - view.answer.at > 15000) delete view.answer;
flow.set("view", view);

node.status({ fill: view.stale ? "red" : "green", shape: "dot", text: view.why || state().phase });
// The programs and the limits are long, and the page needs them only when they change.
const { programs, info, walkers, history, ...payload } = view;
return { topic: "view", payload };
