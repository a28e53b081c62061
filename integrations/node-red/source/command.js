// Makes a command of what a widget says: msg.topic is its name, msg.payload its value.
// Each command is stamped with an id, the time and the daemon's boot, and expires on the broker after 10 s.
// Outputs: to the broker, a notice for the page, to the field of the PIN.
const PIN_MS = 60000;

const view = flow.get("view") || {};
const command = msg.topic;
const value = msg.payload;

// A PIN is for the next start of the person who typed it: used or not, sent or not, it is gone after that.
const emptied = { payload: "" };
function takePin() {
    const pin = context.get("pin");
    clearTimeout(context.get("timer"));
    context.set("pin", undefined);
    // Not the timer alone: it stands still while the host sleeps.
    return pin && Date.now() - pin.at <= PIN_MS ? pin.value : undefined;
}

if (command === "select") flow.set("chosen", value);
if (command === "pin") {
    takePin();
    context.set("pin", { value, at: Date.now() });
    // The field would give it again to whoever touches it.
    context.set("timer", setTimeout(() => { takePin(); node.send([null, null, emptied]); }, PIN_MS));
    return null;
}
const pin = command === "start" ? takePin() : undefined;
if (view.stale !== false) {
    const why = view.why || "nothing was heard yet";
    return [null, { topic: "notice", payload: `${command} was not sent: ${why}` }, command === "start" ? emptied : null];
}

const note = {
    v: 1,
    id: `nodered-${RED.util.generateId()}`,
    command,
    ts: new Date().toISOString(),
    boot: view.info ? view.info.boot : undefined,
};
if (command === "select") note.program = value;
if (command === "feedback") note.effort = Number(value);
if (command === "walker") note.walker = value === "-" ? null : value;
if (command === "start") {
    note.program = flow.get("chosen") || view.programs?.selected || undefined;
    note.pin = pin || undefined;
}
// What was on the screen when the button was pressed: if that is not so any more, a person looks again.
if (command === "start" || command === "confirm") note.expect = view.state.phase;
if (command === "speed") note.speed = Math.round(value * 100) / 100;
if (command === "voice") note.on = value === true;

return [
    {
        topic: `${env.get("PREFIX")}/command`,
        payload: JSON.stringify(note),
        contentType: "application/json",
        messageExpiryInterval: 10,
    },
    null,
    command === "start" ? emptied : null,
];
