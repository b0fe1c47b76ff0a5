// "Why does my pose not hold?" In: /state (the poses), the stream of /why. Out: the panel: a pose and a
// person to choose, the verdict in words, and the tree of the rule with its graphs.

import { byId, icon, make, setOptions, setText, setVerdict } from "./dom.js";
import { count, measure, seconds } from "./format.js";
import { SPAN_S } from "./graph.js";
import { nextStep } from "./rule.js";
import { Tree, hiddenText } from "./tree.js";

const EVERY_MS = 100;
/** In the place of a person, of what is nobody's alone. */
const SCENE = { id: 0 };

export class Why {
  constructor() {
    this.nature = "rule";
    this.pose = byId("why-pose");
    this.person = byId("why-person");
    this.state = null;
    this.key = "";
    this.past = [];
    this.last = 0;
    this.tree = null;
    this.pose.addEventListener("change", () => this.choose());
    this.person.addEventListener("change", () => this.show());
  }

  setState(state) {
    const key = JSON.stringify([state.poses, state.visible]);
    if (key === this.key) return;
    this.key = key;
    this.state = state;
    this.past = [];
    setOptions(this.pose, state.poses.map((p) => [p.name, p.name]));
    byId("why").classList.toggle("empty", state.poses.length === 0);
    this.choose();
  }

  /** Shows the pose of that name and goes to the panel. */
  ask(name) {
    this.pose.value = name;
    this.choose();
    byId("why").scrollIntoView({ block: "start" });
    this.pose.focus({ preventScroll: true });
  }

  choose() {
    const pose = this.state.poses[this.index()];
    this.tree = pose ? new Tree(pose, this.state.visible) : null;
    this.nature = (pose && pose.kind) || "rule";
    byId("why-tree").replaceChildren(...(this.tree ? [this.tree.element] : []));
    this.show();
  }

  index() {
    return this.state.poses.findIndex((p) => p.name === this.pose.value);
  }

  add(message) {
    if (!this.state) return;
    const before = this.past[this.past.length - 1];
    if (before && message.t < before.t) this.past = [];
    this.past.push(message);
    while (this.past[0].t < message.t - SPAN_S) this.past.shift();
    const now = performance.now();
    if (now - this.last < EVERY_MS) return;
    this.last = now;
    this.show();
  }

  show() {
    const message = this.past[this.past.length - 1];
    if (!this.tree) return this.say("unknown", "No pose", "The configuration has no poses.");
    this.offer(message ? message.people : []);
    const index = this.index();
    this.person.disabled = Boolean(this.state.poses[index].scene);
    const person = this.person.disabled ? SCENE : message && this.subject(message.people, index);
    const answer = person && message ? this.answerOf(message, person, index) : null;
    this.conclude(answer, person, index, message);
    const points = (term) => this.points(person, index, term);
    this.tree.show(answer, points, message ? message.t : 0, person === SCENE ? "not told" : "nobody");
  }

  offer(people) {
    const ids = new Set(people.map((p) => String(p.id)));
    if (this.person.value) ids.add(this.person.value);
    const sorted = [...ids].sort((a, b) => a - b);
    setOptions(this.person, [["", "whoever is nearest to it"], ...sorted.map((id) => [id, `person ${id}`])]);
  }

  /** The chosen person, or who is nearest to the pose; who is in it comes first. */
  subject(people, index) {
    if (this.person.value) return people.find((p) => String(p.id) === this.person.value);
    const slack = (pose) => pose.slack ?? progress(pose, this.nature) - 1e6;
    const rank = ({ poses: { [index]: pose } }) => (pose ? (pose.active ? 1e6 : 0) + slack(pose) : -1e9);
    return people.reduce((best, p) => (best === null || rank(p) > rank(best) ? p : best), null);
  }

  answerOf(message, person, index) {
    if (person === SCENE) return (message.scene || [])[index] ?? null;
    const then = person && message.people.find((p) => p.id === person.id);
    return then ? (then.poses[index] ?? null) : null;
  }

  points(person, index, term) {
    return this.past.map((message) => {
      const answer = this.answerOf(message, person, index);
      return [message.t, answer && answer.terms[term] ? answer.terms[term].value : null];
    });
  }

  /** For how long the rule has been holding without a break, as far as the past goes. */
  heldFor(person, index, now) {
    let since = now;
    for (let i = this.past.length - 1; i >= 0; i--) {
      const answer = this.answerOf(this.past[i], person, index);
      if (!answer || answer.verdict !== "holds") break;
      since = this.past[i].t;
    }
    return now - since;
  }

  conclude(answer, person, index, message) {
    const pose = this.state.poses[index];
    if (!message) return this.say("unknown", "Waiting", "No frame has been judged yet.");
    if (!person) {
      const who = this.person.value ? `Person ${this.person.value}` : "Nobody";
      return this.say("unknown", `${who} is ${this.person.value ? "not " : ""}in the picture`, "So the pose cannot be shown.");
    }
    if (!answer) return this.say("unknown", "The poses have just changed", "A moment, please.");
    const held = this.heldFor(person, index, message.t);
    const [title, text] = this.words(answer, pose, held);
    this.say(answer.verdict, `${person === SCENE ? "Scene" : `Person ${person.id}`}: ${title}`, text);
  }

  words(answer, pose, held) {
    if (this.nature === "sequence") return aboutSequence(answer, pose);
    if (this.nature === "count") return aboutCount(answer, pose);
    return conclusion(answer, pose, { held, written: this.tree.asWritten(answer), marks: this.tree.marks() });
  }

  say(verdict, title, text) {
    const box = byId("why-verdict");
    if (!box.firstChild) box.append(icon(verdict), make("strong"), make("span"));
    const [sign, strong, span] = box.children;
    setVerdict(box, verdict);
    sign.firstChild.setAttribute("href", `#icon-${verdict}`);
    setText(strong, title);
    setText(span, text);
  }
}

/** How far somebody is where no slack tells it. */
function progress({ terms }, nature) {
  if (nature === "count") return terms[0].value ?? 0;
  return nature === "sequence" ? nextStep(terms.map((t) => t.verdict)) : 0;
}

function aboutCount({ active, terms }, pose) {
  const { value } = terms[0];
  const { low, unit } = pose.terms[0];
  const number = value == null ? "nothing counted yet" : measure(value, unit);
  if (low == null) return [`${pose.name}: ${number}`, "It has no goal, so it is counted and never entered."];
  const goal = measure(low + 1, unit);
  if (active) return [`${pose.name} is active`, `${number}, and the goal is ${goal}.`];
  return [`${pose.name}: ${number}`, `It is entered at ${goal}.`];
}

function aboutSequence({ active, terms }, pose) {
  if (active) return [`${pose.name} is active`, "All steps were shown, one after another."];
  const next = nextStep(terms.map((t) => t.verdict));
  const step = pose.terms[next];
  if (!step) return [`${pose.name} is not active`, "All steps were shown. It waits for its cool-down, or for the first step again."];
  const before = pose.terms[next - 1];
  const within = before && before.high != null ? `, within ${measure(before.high, before.unit)} of the step before` : "";
  return [`${pose.name} does not hold`, `Step ${next + 1} of ${terms.length} comes next: ${step.text}${within}.`];
}

function conclusion(answer, pose, { held, written, marks }) {
  const { verdict, active, terms } = answer;
  if (active && verdict === "holds") {
    const stays = "Its rule is missed by less than the margin, so it stays.";
    return [`${pose.name} is active`, written === "holds" ? "The rule holds." : stays];
  }
  if (active) {
    return [`${pose.name} is active, but its rule ${verdict === "fails" ? "fails" : "is unknown"} now`, `It is left when that lasts for ${seconds(pose.release_s)}.`];
  }
  if (verdict === "holds") {
    if (held < pose.hold_s) return ["the rule holds, not for long enough yet", `${seconds(held)} of ${seconds(pose.hold_s)} (hold_s).`];
    return ["the rule holds, but the pose is not entered yet", "It waits for its cool-down, or for the next look at this person."];
  }
  if (verdict === "fails") {
    const near = answer.slack == null ? "" : ` It is ${Math.abs(answer.slack).toFixed(1)} margins away.`;
    return [`${pose.name} does not hold`, `${marks ? "What is marked “stands in the way” must change." : ""}${near}`.trim()];
  }
  const hidden = [...new Set(terms.flatMap((t) => t.hidden || []))];
  const because = hidden.length ? `${hiddenText(hidden)}, so ${count(terms.filter((t) => t.verdict === "unknown").length, "term is", "terms are")} unknown.` : "";
  return [`nobody can tell whether ${pose.name} holds`, `${because} What is unknown starts nothing.`.trim()];
}
