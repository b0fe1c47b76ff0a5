// A term's last seconds as a small graph. In: a term of /state and points [t, value or null].
// Out: a canvas with the value, the limits (dashed), the margins (dotted) and the part in which
// the term holds shaded; a gap where the value is unknown.

import { make } from "./dom.js";
import { limitsOf, measure } from "./format.js";

export const SPAN_S = 20;
const GAP_S = 1;
const RANGES = { deg: [0, 180], seen: [0, 1], like: [0, 1] };
const STEPS = { torso: 0.25, share: 0.05, inside: 0.05, "torso/s": 0.25, s: 1, times: 1, people: 1 };
/** These have no margin, and begin with 0. */
const WHOLE = ["s", "times", "people"];

let colours = null;
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (colours = null));

function palette() {
  if (colours) return colours;
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  colours = { line: of("--accent"), zone: of("--zone"), limit: of("--text"), quiet: of("--quiet") };
  return colours;
}

export class Graph {
  /** With `not`, what is shaded is where the term does not hold. */
  constructor(term, visible, not) {
    this.not = not;
    this.unit = term.unit;
    Object.assign(this, limitsOf(term, visible));
    this.margin = term.margin || 0;
    const label = `${term.text}: its value in the last ${SPAN_S} seconds`;
    this.canvas = make("canvas", { class: "graph", role: "img", "aria-label": label });
  }

  draw(points, now) {
    const { canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * ratio);
    const height = Math.round(canvas.clientHeight * ratio);
    if (!width || !height) return;
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const ctx = canvas.getContext("2d");
    ctx.clearRect(0, 0, width, height);
    const [bottom, top] = this.range(points);
    const pad = 4 * ratio;
    const frame = {
      ctx,
      ratio,
      width,
      height,
      x: (t) => width - pad - ((now - t) / SPAN_S) * (width - pad),
      y: (v) => height - pad - ((Math.min(v, top) - bottom) / (top - bottom)) * (height - 2 * pad),
    };
    this.zone(frame);
    this.limits(frame);
    this.curve(frame, points);
  }

  range(points) {
    if (RANGES[this.unit]) return RANGES[this.unit];
    const step = STEPS[this.unit] || 0.25;
    const limits = [this.low, this.high].filter((v) => v != null);
    // How long a time is past tells nothing.
    if (this.unit === "s" && limits.length) return [0, Math.max(...limits) * 1.5 || 1];
    const values = [...limits.map((v) => v - 2 * this.margin), ...limits.map((v) => v + 2 * this.margin)];
    for (const [, value] of points) if (value != null) values.push(value);
    if (WHOLE.includes(this.unit)) values.push(0, ...limits.map((v) => v + step));
    if (!values.length) return [0, 1];
    const bottom = Math.floor(Math.min(...values) / step) * step;
    return [bottom, Math.max(bottom + step, Math.ceil(Math.max(...values) / step) * step)];
  }

  zone({ ctx, width, height, y }) {
    const from = this.high == null ? 0 : y(this.high);
    const to = this.low == null ? height : y(this.low);
    ctx.fillStyle = palette().zone;
    if (this.not) {
      ctx.fillRect(0, 0, width, from);
      ctx.fillRect(0, to, width, height - to);
    } else {
      ctx.fillRect(0, from, width, to - from);
    }
  }

  limits({ ctx, ratio, width, y }) {
    ctx.lineWidth = ratio;
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    for (const [limit, outward] of [[this.low, -1], [this.high, 1]]) {
      if (limit == null) continue;
      rule(ctx, width, y(limit), palette().limit, [5 * ratio, 3 * ratio]);
      if (this.margin) rule(ctx, width, y(limit + (this.not ? -outward : outward) * this.margin), palette().quiet, [ratio, 3 * ratio]);
      ctx.fillStyle = palette().quiet;
      const above = y(limit) > 16 * ratio;
      ctx.textBaseline = above ? "bottom" : "top";
      ctx.fillText(measure(limit, this.unit), 3 * ratio, y(limit) + (above ? -2 : 2) * ratio);
    }
    ctx.setLineDash([]);
  }

  curve({ ctx, ratio, x, y }, points) {
    ctx.strokeStyle = ctx.fillStyle = palette().line;
    ctx.lineWidth = 2 * ratio;
    ctx.lineJoin = "round";
    ctx.beginPath();
    let before = null;
    for (const [t, value] of points) {
      if (value == null) {
        before = null;
        continue;
      }
      if (before == null || t - before > GAP_S) ctx.moveTo(x(t), y(value));
      else ctx.lineTo(x(t), y(value));
      before = t;
    }
    ctx.stroke();
    const last = points[points.length - 1];
    if (!last || last[1] == null) return;
    ctx.beginPath();
    ctx.arc(x(last[0]), y(last[1]), 3 * ratio, 0, 2 * Math.PI);
    ctx.fill();
  }
}

function rule(ctx, width, y, colour, dash) {
  ctx.strokeStyle = colour;
  ctx.setLineDash(dash);
  ctx.beginPath();
  ctx.moveTo(0, y);
  ctx.lineTo(width, y);
  ctx.stroke();
}
