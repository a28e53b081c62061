// Makes a command of what a widget says: msg.topic is its name, msg.payload its value.
// Each command is stamped with an id, the time and the daemon's boot, and expires on the broker after 10 s.
// Outputs: to the broker, a notice for the page, to the field of the PIN.
const view = flow.get("view") || {};
const command = msg.topic;
const value = msg.payload;

if (command === "select") flow.set("chosen", value);
if (command === "pin") {
    // Kept for the next start only, and never sent with anything else.
    context.set("pin", value);
    return null;
}
if (view.stale !== false) {
    const why = view.why || "nothing was heard yet";
    return [null, { topic: "notice", payload: `${command} was not sent: ${why}` }, null];
}

const note = {
    v: 1,
    id: `nodered-${RED.util.generateId()}`,
    command,
    ts: new Date().toISOString(),
    boot: view.info ? view.info.boot : undefined,
};
if (command === "select") note.program = value;
if (command === "start") {
    note.program = flow.get("chosen") || view.programs?.selected || undefined;
    note.pin = context.get("pin") || undefined;
    context.set("pin", undefined);
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
    command === "start" ? { payload: "" } : null,
];
