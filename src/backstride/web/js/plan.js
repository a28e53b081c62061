/**
 * A program as shapes on a time line: what the charts draw and what is told in words. Pure.
 */

/** @typedef {import("./store.js").Step} Step */

/**
 * @typedef {{start: number, end: number, from: number, to: number, incline: number, facing: string, effort: string,
 *   cue: ?string}} Stretch times in s, speeds in km/h
 */

/** @param {Step[] | undefined} steps @returns {Stretch[]} */
export function stretches(steps) {
  let start = 0;
  return (steps ?? []).map((step) => {
    const stretch = {
      start,
      end: start + step.seconds,
      from: step.from_speed,
      to: step.speed,
      incline: step.incline,
      facing: step.facing,
      effort: step.effort,
      cue: step.cue,
    };
    start = stretch.end;
    return stretch;
  });
}

/** Where the walker turns, s. @param {Stretch[]} plan */
export function turns(plan) {
  return plan
    .slice(1)
    .filter((stretch, i) => stretch.facing !== plan[i].facing)
    .map((stretch) => stretch.start);
}

/**
 * Neighbours that face one way together: drawn as one shape they show no seams.
 * @param {Stretch[]} plan
 * @returns {Stretch[][]}
 */
export function runs(plan) {
  /** @type {Stretch[][]} */
  const found = [];
  for (const stretch of plan) {
    const last = found.at(-1);
    if (last !== undefined && last[0].facing === stretch.facing) last.push(stretch);
    else found.push([stretch]);
  }
  return found;
}

/** The upper end of the speed axis, km/h: whole halves, with room above. @param {Stretch[]} plan @param {number[]} more */
export function ceiling(plan, more = []) {
  const top = Math.max(1, ...plan.flatMap((stretch) => [stretch.from, stretch.to]), ...more);
  return Math.ceil(top * 1.15 * 2) / 2;
}

/**
 * The plan at a moment.
 * @param {Stretch[]} plan
 * @param {number} at s
 * @returns {?{stretch: Stretch, speed: number}}
 */
export function planAt(plan, at) {
  const stretch = plan.find((one) => at < one.end) ?? plan.at(-1);
  if (stretch === undefined) return null;
  const part = Math.min(Math.max((at - stretch.start) / (stretch.end - stretch.start || 1), 0), 1);
  return { stretch, speed: stretch.from + (stretch.to - stretch.from) * part };
}
