// Says which widgets can be used now, and fills those that show a choice. One output for each widget.
// Stop is not among them: it can always be used.
const { state = {}, info = {}, programs = {}, walkers = {}, history = {}, stale } = flow.get("view");
const phase = stale ? "" : state.phase;
const paused = state.stage === "paused";
const turned = state.stage === "waiting for confirm";
const running = phase === "running";

const enabled = {
    program: ["idle", "finished", "armed"].includes(phase),
    start: ["idle", "finished"].includes(phase),
    confirm: phase === "armed" || (phase === "turning" && turned),
    faster: running,
    slower: running,
    speed: running,
    pause: running || (phase === "holding" && !paused),
    continue: phase === "holding" && paused,
    skip: running,
    finish: ["running", "holding", "turning"].includes(phase),
    present: ["running", "holding", "turning"].includes(phase),
    acknowledge: ["finished", "faulted"].includes(phase),
    voice: phase !== "" && phase !== undefined,
    pin: ["idle", "finished"].includes(phase),
    walker: ["idle", "finished", "offline"].includes(phase),
    feedback: ["idle", "finished", "faulted"].includes(phase),
};

const minutes = (seconds) => `${Math.round(seconds / 60)} min`;
const offered = (programs.programs || []).filter((each) => each.refusal === null);
const options = offered.map((each) => ({
    value: each.id,
    label: `${each.name}, ${minutes(each.duration)}, up to ${each.top_speed.toFixed(1)} km/h`,
}));
// No walker has this for an id.
const nobody = { value: "-", label: "Nobody in particular" };
const people = (walkers.walkers || []).map((each) => ({ value: each.id, label: each.name }));
const range = info.machine ? info.machine.speed : { minimum: 0.5, maximum: 6, increment: 0.1 };
const limit = info.limits && info.limits.speed ? info.limits.speed.value : range.maximum;

// The slider shows the setpoint with which a step began: one that moves by itself cannot be grasped.
const step = running ? state.step.index : 0;
if (running && step !== context.get("step")) context.set("wish", state.speed.setpoint);
context.set("step", step);

const more = {
    program: { ui_update: { options }, payload: programs.selected || flow.get("chosen") || undefined },
    speed: {
        ui_update: { min: range.minimum, max: Math.min(limit, range.maximum), step: range.increment },
        payload: context.get("wish") ?? undefined,
    },
    voice: { payload: state.voice },
    pin: { visible: (info.capabilities || []).includes("pin") },
    walker: {
        visible: people.length > 0,
        ui_update: { options: [nobody, ...people] },
        payload: walkers.selected || nobody.value,
    },
    // Asked once after each session, and empty again for the next one.
    feedback: { visible: enabled.feedback && Boolean(history.question), payload: "" },
};

// Only what has changed goes to the page, so that nothing jumps under a finger.
const before = context.get("sent") || {};
const sent = {};
const outputs = Object.entries(enabled).map(([name, on]) => {
    const message = { topic: name, enabled: on, ...more[name] };
    if (message.payload === undefined) delete message.payload;
    sent[name] = JSON.stringify(message);
    return sent[name] === before[name] ? null : message;
});
context.set("sent", sent);
return outputs;
