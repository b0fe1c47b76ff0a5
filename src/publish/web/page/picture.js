// The picture with its skeletons and zones. In: frame lines, pictures with the frame's number, /state, and
// what shall be shown. Out: the canvas, drawn so that a picture has the skeletons of its own frame.

import { byId, setHidden, setText } from "./dom.js";
import { countsOf } from "./format.js";
import { drawLabel, drawPerson, drawZone, drawZoneName, giveColours } from "./skeleton.js";

const KEPT_LINES = 90;
const KEPT_PICTURES = 6;
/** A picture may be so much older than the newest line before it is taken for a stale one. */
const LAG_S = 0.5;

export class Picture {
  constructor() {
    this.canvas = byId("view");
    this.stage = byId("stage");
    this.ctx = this.canvas.getContext("2d");
    this.lines = [];
    this.pictures = [];
    this.show = { picture: true, skeletons: true, names: true };
    this.state = null;
    this.size = [4, 3];
    this.ratio = 1;
    this.drawn = { line: null, picture: null };
    this.due = false;
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  /** As many pixels as the screen has there, also after a move to another screen. */
  fit() {
    const { canvas } = this;
    this.ratio = window.devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * this.ratio);
    const height = Math.round(canvas.clientHeight * this.ratio);
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
  }

  /** Where a place of the image, in its pixels, is on the canvas, in the canvas's pixels. */
  toCanvas(x, y) {
    return { x: (x * this.canvas.width) / this.size[0], y: (y * this.canvas.height) / this.size[1] };
  }

  /** The same of a place in shares of the image's width and height. */
  shareToCanvas(x, y) {
    return { x: x * this.canvas.width, y: y * this.canvas.height };
  }

  setState(state) {
    this.state = state;
    this.setSize(state.size);
    this.veil();
  }

  setSize(size) {
    if (!size || (size[0] === this.size[0] && size[1] === this.size[1])) return;
    this.size = size;
    this.stage.style.setProperty("--ratio", size[0] / size[1]);
  }

  setShow(show) {
    Object.assign(this.show, show);
    if (!this.wantsPicture()) this.dropPictures();
    this.redraw();
  }

  wantsPicture() {
    return this.show.picture && this.state !== null && this.state.picture !== "none";
  }

  dropPictures() {
    for (const { bitmap } of this.pictures.splice(0)) bitmap.close();
  }

  addLine(line) {
    const last = this.lines[this.lines.length - 1];
    // Numbers begin anew when the program does.
    if (last && line.frame <= last.frame) {
      this.lines.length = 0;
      this.dropPictures();
    }
    giveColours(line.people.map((p) => p.id));
    this.lines.push(line);
    if (this.lines.length > KEPT_LINES) this.lines.shift();
    this.setSize(line.size);
    this.changed();
  }

  addPicture(frame, bitmap) {
    if (!this.wantsPicture()) return bitmap.close();
    this.pictures.push({ frame, bitmap });
    if (this.pictures.length > KEPT_PICTURES) this.pictures.shift().bitmap.close();
    this.changed();
  }

  /** What belongs together: the newest picture whose line is there, or the newest of both. */
  choose() {
    const newest = this.lines[this.lines.length - 1] || null;
    for (let i = this.pictures.length - 1; newest && i >= 0; i--) {
      const line = this.lines.find((l) => l.frame === this.pictures[i].frame);
      if (!line) continue;
      if (newest.t - line.t < LAG_S) return { line, picture: this.pictures[i] };
      break;
    }
    return { line: newest, picture: this.pictures[this.pictures.length - 1] || null };
  }

  changed() {
    const { line, picture } = this.choose();
    if (line !== this.drawn.line || picture !== this.drawn.picture) this.redraw();
  }

  redraw() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      this.draw();
    });
  }

  draw() {
    const { ctx, canvas, show, state } = this;
    this.fit();
    this.drawn = this.choose();
    const { line, picture } = this.drawn;
    ctx.fillStyle = "#000";
    ctx.fillRect(0, 0, canvas.width, canvas.height);
    if (picture) {
      ctx.imageSmoothingQuality = "high";
      ctx.drawImage(picture.bitmap, 0, 0, canvas.width, canvas.height);
    }
    if (!line || !state) return;
    const body = this.body(state);
    state.zones.forEach((zone) => drawZone(ctx, zone, body));
    if (show.skeletons) line.people.forEach((person) => drawPerson(ctx, person, body));
    if (show.names) this.drawNames(line.people, state.zones, body);
    this.describe(line);
  }

  /** Those of zones keep their places; those of people give way. */
  drawNames(people, zones, body) {
    const labels = [];
    zones.forEach((zone) => drawZoneName(this.ctx, zone, body, labels));
    people.forEach((person) => drawLabel(this.ctx, person, body, labels));
  }

  body(state) {
    const css = this.canvas.width / this.ratio;
    return {
      names: state.keypoints,
      limbs: state.limbs,
      visible: state.visible,
      toCanvas: (x, y) => this.toCanvas(x, y),
      shareToCanvas: (x, y) => this.shareToCanvas(x, y),
      thick: Math.min(4, Math.max(1.8, css / 230)) * this.ratio,
      ratio: this.ratio,
    };
  }

  describe(line) {
    const does = (p) => [...p.poses, ...countsOf(p)].join(", ");
    const who = line.people.map((p) => `person ${p.id}${does(p) ? `: ${does(p)}` : ""}`);
    const text = `The live picture. ${who.length ? who.join("; ") : "Nobody is in it"}.`;
    if (this.canvas.getAttribute("aria-label") !== text) this.canvas.setAttribute("aria-label", text);
  }

  setLink(up) {
    this.cut = !up;
    this.veil();
  }

  /** Says over the dimmed picture why it stands still. */
  veil() {
    const [title, text] = this.trouble() || [];
    setHidden(byId("veil"), !title);
    this.stage.classList.toggle("dim", Boolean(title));
    if (!title) return;
    setText(byId("veil-title"), title);
    setText(byId("veil-text"), text);
  }

  trouble() {
    if (this.cut) return ["No connection", "What you see is the last that came."];
    if (!this.state) return ["Connecting", "Asking the board for its state."];
    const { source, hanging } = this.state;
    if (source.state === "lost") return ["Source lost", source.detail || "No picture comes; it is tried again and again."];
    if (source.state === "waiting") return ["Waiting for the first frame", source.detail];
    if (hanging) return ["Nothing moves", `The stage “${hanging}” has been silent.`];
    return null;
  }
}
