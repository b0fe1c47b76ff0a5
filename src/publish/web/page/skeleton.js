// People and zones drawn. In: a person of a line; the limbs, the score of a seen joint and the zones
// from /state; a 2D context with the scale from image to canvas pixels. Out: strokes and labels on it.

import { countsOf } from "./format.js";

// Told apart by people of every colour vision, and light enough for a picture.
const COLOURS = ["#ffb000", "#56b4e9", "#00d68f", "#ff7ab8", "#f0e442", "#b39dff", "#ff8552", "#f4f4f4"];
const HALO = "rgba(8, 12, 18, 0.6)";
/** A teal with a share of blue, light on the dark edge: told apart also by who cannot tell red from green. */
const ZONE = "#00c8a0";

const given = new Map();

/** Gives each of these people a colour, by number, but no two the same while there are enough. */
export function giveColours(ids) {
  for (const id of given.keys()) if (!ids.includes(id)) given.delete(id);
  for (const id of ids) {
    if (given.has(id)) continue;
    const taken = new Set(given.values());
    const order = COLOURS.map((_, i) => COLOURS[(id - 1 + i) % COLOURS.length]);
    given.set(id, order.find((colour) => !taken.has(colour)) || order[0]);
  }
}

export const colourOf = (id) => given.get(id) || COLOURS[(id - 1) % COLOURS.length];

/** Joints in the order of `names`, in canvas pixels; null where hidden. */
function joints(person, { names, visible, toCanvas }) {
  return names.map((name) => {
    const k = person.keypoints[name];
    return k && k[2] >= visible ? toCanvas(k[0], k[1]) : null;
  });
}

export function drawPerson(ctx, person, body) {
  const points = joints(person, body);
  const bones = new Path2D();
  for (const [a, b] of body.limbs) {
    if (!points[a] || !points[b]) continue;
    bones.moveTo(points[a].x, points[a].y);
    bones.lineTo(points[b].x, points[b].y);
  }
  const dots = new Path2D();
  const radius = body.thick * 1.35;
  for (const p of points) {
    if (!p) continue;
    dots.moveTo(p.x + radius, p.y);
    dots.arc(p.x, p.y, radius, 0, 2 * Math.PI);
  }
  ctx.globalAlpha = person.seen_t == null ? 1 : 0.6;
  ctx.lineCap = "round";
  ctx.strokeStyle = HALO;
  ctx.lineWidth = body.thick * 1.8;
  ctx.stroke(bones);
  ctx.lineWidth = body.thick * 0.8;
  ctx.stroke(dots);
  ctx.strokeStyle = ctx.fillStyle = colourOf(person.id);
  ctx.lineWidth = body.thick;
  ctx.stroke(bones);
  ctx.fill(dots);
  ctx.globalAlpha = 1;
}

/** The person's number, poses and counts over their head, beside the labels in `taken`. */
export function drawLabel(ctx, person, body, taken) {
  const points = joints(person, body).filter(Boolean);
  if (!points.length) return;
  const text = [`${person.id}`, ...person.poses, ...countsOf(person)].join("  ");
  const middle = points.reduce((sum, p) => sum + p.x, 0) / points.length;
  const bottom = Math.min(...points.map((p) => p.y)) - body.thick * 4;
  drawTag(ctx, { text, colour: colourOf(person.id), left: (width) => middle - width / 2, bottom }, body.ratio, taken);
}

/** The outline of a zone on a dark edge. */
export function drawZone(ctx, zone, body) {
  const outline = new Path2D();
  for (const [x, y] of zone.points) {
    const at = body.shareToCanvas(x, y);
    outline.lineTo(at.x, at.y);
  }
  outline.closePath();
  ctx.lineJoin = "round";
  ctx.strokeStyle = HALO;
  ctx.lineWidth = body.thick * 2;
  ctx.stroke(outline);
  ctx.strokeStyle = ZONE;
  ctx.lineWidth = body.thick;
  ctx.stroke(outline);
}

/** The zone's name at its first corner, beside the labels in `taken`. */
export function drawZoneName(ctx, zone, body, taken) {
  if (!zone.points.length) return;
  const corner = body.shareToCanvas(...zone.points[0]);
  const place = { left: () => corner.x, bottom: corner.y - body.thick };
  drawTag(ctx, { text: zone.name, colour: ZONE, ...place }, body.ratio, taken);
}

/** A text on a dark box, inside of the canvas, beside the labels in `taken`, to which it is added. */
function drawTag(ctx, { text, colour, left, bottom }, ratio, taken) {
  const size = 13 * ratio;
  const pad = size * 0.5;
  ctx.font = `600 ${size}px system-ui, sans-serif`;
  const width = ctx.measureText(text).width + 2 * pad + size * 0.35;
  const height = size * 1.75;
  const x = clamp(left(width), 2, ctx.canvas.width - width - 2);
  const covers = (label, y) => Math.abs(label.y - y) < height && label.x < x + width && x < label.x + label.width;
  let y = clamp(bottom - height, 2, ctx.canvas.height - height - 2);
  while (taken.some((label) => covers(label, y))) y += height + 2;
  taken.push({ x, y, width });
  ctx.fillStyle = "rgba(8, 12, 18, 0.82)";
  ctx.fillRect(x, y, width, height);
  ctx.fillStyle = colour;
  ctx.fillRect(x, y, size * 0.35, height);
  ctx.fillStyle = "#fff";
  ctx.textBaseline = "middle";
  ctx.fillText(text, x + pad + size * 0.35, y + height / 2 + size * 0.05);
}

const clamp = (v, low, high) => Math.max(low, Math.min(v, high));
