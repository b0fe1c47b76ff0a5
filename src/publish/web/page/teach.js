// A pose is taught by showing it. In: a name, the lines while somebody shows it, /taught. Out: their
// skeletons to the board, a table of how well the taught poses are told apart, and a section for a
// pose that the configuration does not name yet, put into the editor when asked for.

import { byId, make, setHidden, setText, setVerdict } from "./dom.js";
import { ask } from "./editor.js";
import { count } from "./format.js";

const COUNTDOWN_S = 3;
const SHOWN_MS = 3000;
/** Skeletons that follow each other sooner tell nothing new. */
const EVERY_MS = 250;
/** As the board names what was taught as none of the poses. */
const OTHER = "_other";

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export class Teach {
  constructor(editor) {
    this.editor = editor;
    this.name = byId("teach-name");
    this.asked = false;
    this.waits = false;
    /** Of the lesson that is given now: its name, whom it showed, and when it may look again. */
    this.lesson = null;
    this.learnt = "";
    this.doomed = "";
    byId("teach-form").addEventListener("submit", (event) => this.submitted(event));
    byId("teach-cancel").addEventListener("click", () => this.cancel());
    byId("teach").addEventListener("keydown", (event) => event.key === "Escape" && this.cancel());
    byId("teach-use").addEventListener("click", () => this.use());
    byId("forget-dialog").addEventListener("close", (event) => event.target.returnValue === "forget" && this.forget());
  }

  setState(state) {
    if (!state.edit) return;
    if (!this.asked) this.load();
    // What is typed or saved meanwhile may name the pose.
    this.offer();
  }

  async load() {
    this.asked = true;
    try {
      this.show(await (await ask("/taught", { cache: "no-store" })).json());
    } catch (error) {
      this.say("fails", error.message);
    }
  }

  submitted(event) {
    event.preventDefault();
    if (!this.lesson && !this.waits) this.teach(this.name.value);
  }

  async teach(name) {
    const lesson = { name, people: [], next: Infinity };
    this.begin(lesson);
    if (!(await this.countDown(lesson))) return;
    lesson.next = 0;
    setText(byId("teach-count"), "Hold it");
    this.tellTaken(lesson);
    await pause(SHOWN_MS);
    if (this.lesson !== lesson) return;
    this.end();
    if (!lesson.people.length) return this.say("fails", "Nobody was seen during the three seconds, so nothing was taught.");
    await this.send(lesson);
  }

  begin(lesson) {
    this.lesson = lesson;
    this.learnt = "";
    this.offer();
    this.say("unknown", "");
    this.open(true);
    byId("teach-cancel").focus({ preventScroll: true });
    byId("teach-show").scrollIntoView({ block: "center" });
  }

  /** What counts down is never hidden, only empty: what was hidden is not read aloud at once. */
  open(yes) {
    byId("teach-show").classList.toggle("open", yes);
    setHidden(byId("teach-start"), yes);
    setHidden(byId("teach-cancel"), !yes);
    this.name.readOnly = yes;
  }

  /** Whether it came to its end without being cancelled. */
  async countDown(lesson) {
    for (let left = COUNTDOWN_S; left > 0; left--) {
      setText(byId("teach-count"), String(left));
      await pause(1000);
      if (this.lesson !== lesson) return false;
    }
    return true;
  }

  end() {
    const focused = document.activeElement === byId("teach-cancel");
    this.lesson = null;
    for (const part of ["count", "taken"]) setText(byId(`teach-${part}`), "");
    this.open(false);
    // Who went elsewhere meanwhile stays there.
    if (focused) byId("teach-start").focus({ preventScroll: true });
  }

  cancel() {
    if (!this.lesson) return;
    this.end();
    this.say("unknown", "Cancelled, nothing was taught.");
  }

  addLine(line) {
    const { lesson } = this;
    const now = performance.now();
    if (line.type !== "frame" || !lesson || now < lesson.next) return;
    const person = largest(line.people);
    if (!person) return;
    lesson.next = now + EVERY_MS;
    lesson.people.push(person.keypoints);
    this.tellTaken(lesson);
  }

  tellTaken({ people }) {
    setText(byId("teach-taken"), `${count(people.length, "skeleton", "skeletons")} taken`);
  }

  async send({ name, people }) {
    this.say("unknown", "Comparing …");
    const report = await this.post("/taught", { name, people });
    if (!report) return;
    const pose = report.poses.find((p) => p.name === name);
    const known = pose ? `; it has ${count(pose.examples, "example", "examples")}, ${pose.told} of them told` : "";
    this.say("holds", `${name}: ${count(people.length, "skeleton was", "skeletons were")} sent${known}.`);
    this.learnt = name;
    this.offer();
  }

  /** The report after something was done, which is shown; nothing where it was refused, which is said. */
  async post(url, what) {
    this.waits = true;
    try {
      const body = JSON.stringify(what);
      const answer = await ask(url, { method: "POST", body, headers: { "Content-Type": "application/json" } });
      const report = await answer.json();
      this.show(report);
      return report;
    } catch (error) {
      this.say("fails", error.message);
      return null;
    } finally {
      this.waits = false;
    }
  }

  show({ poses, closest }) {
    setHidden(byId("teach-table"), poses.length === 0);
    byId("teach-poses").replaceChildren(...poses.flatMap((pose) => this.rowsOf(pose)));
    byId("teach-names").replaceChildren(...poses.map(({ name }) => make("option", { value: name })));
    const nearest = closest ? `Nearest to each other are ${closest.poses.map(nameOf).join(" and ")}, at a distance of ${closest.distance.toFixed(2)}.` : "";
    setText(byId("teach-closest"), nearest);
  }

  rowsOf(pose) {
    const { name, examples, told, unknown, confused } = pose;
    const forget = make("button", { type: "button", "aria-label": `Forget ${name}`, onclick: () => this.askToForget(pose) }, "Forget");
    const numbers = [examples, told, unknown, rivals(confused)].map((value) => make("td", {}, String(value)));
    const row = make("tr", { "data-pose": name }, make("th", { scope: "row" }, name), ...numbers, make("td", {}, forget));
    const says = [pose.refused && `Refused: ${pose.refused}.`, pose.advice && `${name}: ${pose.advice}.`].filter(Boolean);
    if (!says.length) return [row];
    const said = says.map((text) => make("p", {}, text));
    return [row, make("tr", { class: pose.refused ? "more refused" : "more" }, make("td", { colspan: 6 }, ...said))];
  }

  askToForget({ name, examples }) {
    this.doomed = name;
    setText(byId("forget-title"), `Forget ${name}?`);
    setText(byId("forget-text"), `${count(examples, "example", "examples")} will be removed from the board for good.`);
    byId("forget-dialog").returnValue = "";
    byId("forget-dialog").showModal();
  }

  async forget() {
    const name = this.doomed;
    this.say("unknown", "Forgetting …");
    if (!(await this.post("/taught/forget", { name }))) return;
    if (this.learnt === name) this.learnt = "";
    this.offer();
    this.say("holds", `${name} is forgotten.`);
    // Its button went with its row.
    this.name.focus({ preventScroll: true });
  }

  /** A pose that was just taught does nothing before the configuration names it. */
  offer() {
    const { text, saved } = this.editor;
    const wanted = this.learnt && saved !== null && !isNamed(this.learnt, text.value);
    if (wanted) setText(byId("teach-text"), sectionOf(this.learnt));
    setHidden(byId("teach-offer"), !wanted);
  }

  use() {
    this.editor.append(sectionOf(this.learnt));
    this.offer();
    this.say("holds", `[pose.${this.learnt}] is at the end of the configuration. Save that to use it.`);
  }

  say(verdict, text) {
    setVerdict(byId("teach-note"), verdict);
    setText(byId("teach-note"), text);
  }
}

/** Who is nearest to the camera, as far as boxes tell. */
function largest(people) {
  const area = ({ box }) => (box ? box[2] * box[3] : 0);
  return people.reduce((best, p) => (best === null || area(p) > area(best) ? p : best), null);
}

const nameOf = (name) => (name === OTHER ? "no pose" : name);

/** For which poses examples are taken, and how many: "warrior 2, tree 1". */
function rivals(confused) {
  const names = [...new Set(confused)];
  const often = (name) => confused.filter((c) => c === name).length;
  return names.map((name) => `${nameOf(name)} ${often(name)}`).join(", ") || "none";
}

const sectionOf = (name) => `[pose.${name}]\nlike = "${name}"\nmirror = true\n`;

/** Whether a configuration has the pose, or one that is like it; a comment does not count. */
function isNamed(name, text) {
  return new RegExp(`^[^#\\n]*(\\[\\s*pose\\s*\\.\\s*"?${name}"?\\s*\\]|like\\s*=\\s*["']${name}["']|like\\(\\s*${name}\\s*\\))`, "m").test(text);
}
