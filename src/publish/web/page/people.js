// Who is there, what they hold and how often they did what. In: lines, /state. Out: the list of people,
// and a chip for each pose that says who holds it and how often everybody did it together; a click on
// a chip asks why (`ask(pose)`).

import { byId, icon, make, setHidden, setIcon, setText, setVerdict } from "./dom.js";
import { countsOf } from "./format.js";
import { colourOf } from "./skeleton.js";

const EVERY_MS = 150;

/** What is true of everybody together: what is held, by whomever, and the totals of what is counted. */
export class Scene {
  constructor() {
    this.held = new Set();
    this.totals = {};
  }

  setState(state) {
    this.held = new Set(state.held);
  }

  /** Events tell sooner than the next state; who else holds a pose after an exit, the frames tell. */
  addLine(line) {
    if (line.type === "frame") this.totals = line.counts || {};
    if (line.event === "enter" || line.event === "hold") this.held.add(line.pose);
    if (line.event === "exit") this.held.delete(line.pose);
  }
}

export class People {
  constructor(scene, ask) {
    this.scene = scene;
    this.ask = ask;
    this.rows = new Map();
    this.chips = new Map();
    this.state = null;
    this.last = 0;
  }

  setState(state) {
    this.state = state;
    const names = state.poses.map((p) => p.name);
    if (names.join("\n") !== [...this.chips.keys()].join("\n")) this.makeChips(names);
    setHidden(byId("no-poses"), names.length > 0);
  }

  makeChips(names) {
    this.chips = new Map(names.map((name) => [name, this.chip(name)]));
    byId("poses").replaceChildren(...[...this.chips.values()].map((c) => c.item));
  }

  chip(name) {
    const sign = icon("fails");
    const who = make("span", { class: "who" });
    const total = make("span", { class: "total" });
    const title = `Why does ${name} hold, or not?`;
    const button = make("button", { type: "button", title, onclick: () => this.ask(name) }, sign, name, total, who);
    return { item: make("li", {}, button), button, sign, total, who };
  }

  addLine(line) {
    const now = performance.now();
    if (!this.state || now - this.last < EVERY_MS) return;
    this.last = now;
    this.showPeople(line.people);
    this.showPoses(line.people);
  }

  showPoses(people) {
    for (const [name, chip] of this.chips) {
      const ids = people.filter((p) => p.poses.includes(name)).map((p) => p.id);
      // Nobody in the frame holds a pose of the scene.
      const held = ids.length > 0 || this.scene.held.has(name);
      const verdict = held ? "holds" : "fails";
      setVerdict(chip.button, verdict);
      setIcon(chip.sign, verdict);
      setText(chip.who, ids.length ? `held by ${ids.join(", ")}` : held ? "held" : "not held");
      const total = this.scene.totals[name];
      setHidden(chip.total, total == null);
      setText(chip.total, total == null ? "" : String(total));
    }
  }

  showPeople(people) {
    setHidden(byId("nobody"), people.length > 0);
    const there = new Set(people.map((p) => p.id));
    for (const [id, row] of this.rows) {
      if (there.has(id)) continue;
      row.item.remove();
      this.rows.delete(id);
    }
    for (const person of [...people].sort((a, b) => a.id - b.id)) this.showPerson(person);
  }

  showPerson(person) {
    let row = this.rows.get(person.id);
    if (!row) {
      row = personRow(person.id);
      this.rows.set(person.id, row);
      byId("people").append(row.item);
    }
    const joints = Object.values(person.keypoints);
    const seen = joints.filter((k) => k[2] >= this.state.visible).length;
    setText(row.score, `score ${person.score.toFixed(2)} · ${seen} of ${joints.length} joints seen`);
    setText(row.poses, person.poses.length ? person.poses.join(", ") : "no pose");
    row.poses.className = person.poses.length ? "held" : "none";
    const counts = countsOf(person).join(", ");
    setHidden(row.counts, !counts);
    setText(row.counts, counts);
  }
}

function personRow(id) {
  const dot = make("span", { class: "dot", "aria-hidden": "true" });
  dot.style.backgroundColor = colourOf(id);
  const poses = make("span");
  const counts = make("span", { class: "counts", hidden: true });
  const score = make("span", { class: "quiet" });
  return { item: make("li", {}, dot, make("strong", {}, `Person ${id}`), poses, counts, score), score, poses, counts };
}
