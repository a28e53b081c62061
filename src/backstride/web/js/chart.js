/**
 * The whole script as a chart: the plan as coloured shapes, the measured speed as a line, a cursor.
 *
 * uPlot keeps the axes and the measured line; the plan is drawn behind it by hand, because it has
 * edges and colours by facing. Colours come from the style sheet, so that light and dark agree.
 */

import uPlot from "../vendor/uplot/uplot.js";
import { ceiling, planAt, runs, turns } from "./plan.js";

/**
 * @typedef {{plan: import("./plan.js").Stretch[], trail: import("./store.js").Point[], elapsed: ?number,
 *   cap: ?number, turn: string, bare: boolean, scale: number}} Drawing `bare` has no axes; `scale` enlarges for far eyes
 */

/** @param {HTMLElement} element @param {string} name of a custom property */
function colour(element, name) {
  return getComputedStyle(element).getPropertyValue(name).trim();
}

export class Chart {
  /** @type {Drawing} */
  #drawing;
  /** @type {any} */
  #plot = null;
  #shape = "";

  /** @param {HTMLElement} element to draw in, of any size */
  constructor(element) {
    this.element = element;
    this.#drawing = { plan: [], trail: [], elapsed: null, cap: null, turn: "", bare: false, scale: 1 };
    this.observer = new ResizeObserver(() => this.#resize());
    this.observer.observe(element);
  }

  /** @param {Drawing} drawing */
  show(drawing) {
    this.#drawing = drawing;
    const { width, height } = this.#size();
    if (width === 0 || height === 0) return;
    const theme = colour(this.element, "--ink");
    const shape = JSON.stringify([
      drawing.plan.length,
      drawing.plan.at(-1)?.end,
      this.#top(),
      drawing.bare,
      drawing.scale,
      theme,
    ]);
    if (this.#plot === null || shape !== this.#shape) {
      this.#shape = shape;
      this.#plot?.destroy();
      this.#plot = new uPlot(this.#options(width, height), this.#data(), this.element);
    } else {
      this.#plot.setData(this.#data(), false);
      this.#plot.redraw(true, false);
    }
  }

  destroy() {
    this.observer.disconnect();
    this.#plot?.destroy();
    this.#plot = null;
  }

  #size() {
    return { width: Math.floor(this.element.clientWidth), height: Math.floor(this.element.clientHeight) };
  }

  #resize() {
    const { width, height } = this.#size();
    if (width === 0 || height === 0) return;
    if (this.#plot === null) this.show(this.#drawing);
    else if (this.#plot.width !== width || this.#plot.height !== height)
      this.#plot.setSize({ width, height });
  }

  #end() {
    return this.#drawing.plan.at(-1)?.end ?? Math.max(this.#drawing.trail.at(-1)?.elapsed ?? 0, 60);
  }

  #top() {
    const fastest = Math.max(0, ...this.#drawing.trail.map((point) => point.speed ?? 0));
    return ceiling(this.#drawing.plan, [fastest]);
  }

  #data() {
    const trail = this.#drawing.trail;
    if (trail.length === 0)
      return [
        [0, this.#end()],
        [null, null],
      ];
    return [trail.map((point) => point.elapsed), trail.map((point) => point.speed)];
  }

  /** @param {number} width @param {number} height */
  #options(width, height) {
    const { bare, scale } = this.#drawing;
    const muted = colour(this.element, "--muted");
    const line = colour(this.element, "--line");
    const font = `${Math.round(12 * scale)}px ${getComputedStyle(this.element).fontFamily}`;
    const minute = (/** @type {any} */ _, /** @type {number[]} */ splits) =>
      splits.map((at) => `${Math.round(at / 6) / 10}`);
    const axis = { show: !bare, stroke: muted, font, ticks: { show: false }, border: { show: false } };
    return {
      width,
      height,
      padding: bare ? [4, 0, 0, 0] : [8 * scale, 10 * scale, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      select: { show: false },
      scales: {
        x: { time: false, range: () => [0, this.#end()] },
        y: { range: () => [0, this.#top()] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 22 * scale,
          gap: 4 * scale,
          values: minute,
          incrs: [30, 60, 120, 300, 600, 900, 1800],
          space: 48 * scale,
        },
        {
          ...axis,
          grid: { stroke: line, width: 1 },
          size: 34 * scale,
          gap: 4 * scale,
          space: 28 * scale,
          incrs: [0.5, 1, 2, 4],
        },
      ],
      series: [
        {},
        {
          stroke: colour(this.element, "--belt"),
          width: 2.5 * scale,
          points: { show: false },
          spanGaps: false,
        },
      ],
      hooks: {
        drawAxes: [(/** @type {any} */ u) => this.#drawPlan(u)],
        draw: [(/** @type {any} */ u) => this.#drawCursor(u)],
      },
    };
  }

  /** @param {any} u the plot */
  #drawPlan(u) {
    const { plan, elapsed } = this.#drawing;
    const context = u.ctx;
    const x = (/** @type {number} */ at) => u.valToPos(at, "x", true);
    const y = (/** @type {number} */ speed) => u.valToPos(speed, "y", true);
    context.save();
    for (const run of runs(plan)) {
      const shade = colour(this.element, run[0].facing === "backward" ? "--backward" : "--forward");
      context.beginPath();
      context.moveTo(x(run[0].start), y(0));
      for (const stretch of run) {
        context.lineTo(x(stretch.start), y(stretch.from));
        context.lineTo(x(stretch.end), y(stretch.to));
      }
      context.lineTo(x(run[run.length - 1].end), y(0));
      context.closePath();
      context.fillStyle = shade;
      context.globalAlpha = elapsed === null ? 0.55 : 0.4;
      context.fill();
      context.globalAlpha = 1;
    }
    if (elapsed !== null) this.#veil(u, x(elapsed));
    this.#drawIncline(context, x, y);
    this.#drawTurns(context, x, u.bbox);
    context.restore();
  }

  /** What is done steps back. @param {any} u @param {number} until */
  #veil(u, until) {
    u.ctx.fillStyle = colour(this.element, "--surface");
    u.ctx.globalAlpha = 0.55;
    u.ctx.fillRect(u.bbox.left, u.bbox.top, Math.max(until - u.bbox.left, 0), u.bbox.height);
    u.ctx.globalAlpha = 1;
  }

  /** @param {any} context @param {(at: number) => number} x @param {(speed: number) => number} y */
  #drawIncline(context, x, y) {
    const steepest = Math.max(0, ...this.#drawing.plan.map((stretch) => stretch.incline));
    if (steepest === 0) return;
    const high = this.#top() * 0.22;
    context.fillStyle = colour(this.element, "--incline");
    for (const stretch of this.#drawing.plan.filter((one) => one.incline > 0)) {
      const top = y((stretch.incline / steepest) * high);
      context.fillRect(x(stretch.start), top, x(stretch.end) - x(stretch.start), y(0) - top);
    }
  }

  /** @param {any} context @param {(at: number) => number} x @param {{top: number, height: number}} box */
  #drawTurns(context, x, box) {
    const scale = devicePixelRatio * this.#drawing.scale;
    context.strokeStyle = colour(this.element, "--ink");
    context.lineWidth = scale;
    context.setLineDash([4 * scale, 3 * scale]);
    for (const at of turns(this.#drawing.plan)) {
      context.beginPath();
      context.moveTo(x(at), box.top);
      context.lineTo(x(at), box.top + box.height);
      context.stroke();
    }
    context.setLineDash([]);
  }

  /** @param {any} u the plot */
  #drawCursor(u) {
    const { elapsed, plan, scale } = this.#drawing;
    if (elapsed === null) return;
    const unit = devicePixelRatio * scale;
    const x = u.valToPos(Math.min(elapsed, this.#end()), "x", true);
    const context = u.ctx;
    context.save();
    context.strokeStyle = colour(this.element, "--ink");
    context.lineWidth = 2 * unit;
    context.beginPath();
    context.moveTo(x, u.bbox.top);
    context.lineTo(x, u.bbox.top + u.bbox.height);
    context.stroke();
    const wanted = planAt(plan, elapsed);
    if (wanted !== null) {
      context.beginPath();
      context.arc(x, u.valToPos(wanted.speed, "y", true), 5 * unit, 0, 2 * Math.PI);
      context.fillStyle = colour(
        this.element,
        wanted.stretch.facing === "backward" ? "--backward" : "--forward",
      );
      context.fill();
      context.lineWidth = 2 * unit;
      context.strokeStyle = colour(this.element, "--surface");
      context.stroke();
    }
    context.restore();
  }
}
