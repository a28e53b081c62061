// The two lines of the chart: measured speed and setpoint, while there is something to follow.
const { state, stale, lively } = msg.payload;
if (stale || !lively || !state.speed || state.seq === context.get("seq")) return null;
context.set("seq", state.seq);
const { measured, setpoint } = state.speed;
const lines = [];
if (measured !== null) lines.push({ topic: "speed", payload: measured });
if (setpoint !== null) lines.push({ topic: "setpoint", payload: setpoint });
return [lines];
