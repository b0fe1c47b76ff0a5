// The rule of a pose, drawn as nested lists. In: a pose of /state, the answers of /why for one
// person. Out: an element with a row for each term and a head for each and/or/not.

import { icon, make, setHidden, setIcon, setText, setVerdict } from "./dom.js";
import { measure, wanted } from "./format.js";
import { Graph } from "./graph.js";
import { OPPOSITE, blamed, parse, verdictOf } from "./rule.js";

const HEADS = { and: "All of these", or: "Any of these", not: "Not this" };

export class Tree {
  constructor(pose, visible) {
    this.pose = pose;
    this.visible = visible;
    this.rule = parse(pose.rule, pose.terms.length);
    this.heads = [];
    this.rows = [];
    this.element = make("ul", { class: "tree" }, this.build(this.rule));
  }

  build(node) {
    if (node.kind === "term") return this.termRow(node.index, false);
    if (node.kind === "not" && node.parts[0].kind === "term") return this.termRow(node.parts[0].index, true);
    const sign = icon("unknown");
    const word = make("span", { class: "word" });
    const head = make("div", { class: "group" }, sign, make("strong", {}, HEADS[node.kind]), word);
    this.heads.push({ node, sign, word, head });
    return make("li", { class: node.kind }, head, make("ul", {}, ...node.parts.map((part) => this.build(part))));
  }

  /** With `not`, the row stands for "not term": its verdict is the opposite of the term's. */
  termRow(index, not) {
    const term = this.pose.terms[index];
    const row = { index, term, not, sign: icon("unknown"), word: make("span"), as: make("span", { class: "as" }), now: make("b") };
    row.blame = make("span", { class: "blame", hidden: true }, "stands in the way");
    row.graph = new Graph(term, this.visible, not);
    const text = make("p", {}, ...(not ? [make("code", { class: "lead" }, "not ")] : []), make("code", {}, term.text));
    const margin = term.margin ? ` · margin ${measure(term.margin, term.unit).replace(" torso", "")}` : "";
    const limit = ` · wants ${wanted(term, this.visible, not)}${margin}`;
    const numbers = make("p", { class: "numbers" }, "now ", row.now, limit);
    const says = make("p", { class: "says" }, row.sign, row.word, row.as, row.blame);
    row.item = make("li", { class: "term" }, make("div", {}, text, says, numbers), row.graph.canvas);
    this.rows.push(row);
    return row.item;
  }

  /** `answer` is the pose's of one person, or null; `past` gives a term's points [t, value]. */
  show(answer, past, now) {
    const terms = answer ? answer.terms : [];
    const verdicts = terms.map((t) => t.verdict);
    const guilty = answer && answer.verdict !== "holds" ? blamed(this.rule, verdicts) : new Set();
    for (const { node, sign, word, head } of this.heads) {
      const verdict = answer ? verdictOf(node, verdicts) : "unknown";
      setVerdict(head, verdict);
      setIcon(sign, verdict);
      setText(word, answer ? verdict : "nobody");
    }
    for (const row of this.rows) {
      this.showTerm(row, terms[row.index], guilty.has(row.index));
      row.graph.draw(past(row.index), now);
    }
  }

  /** The rule's verdict as it is written, without the margin that an active pose has. */
  asWritten(answer) {
    return verdictOf(this.rule, answer.terms.map((t) => t.verdict));
  }

  showTerm(row, answer, guilty) {
    const own = answer ? answer.verdict : "unknown";
    const verdict = row.not ? OPPOSITE[own] : own;
    setVerdict(row.item, verdict);
    setIcon(row.sign, verdict);
    setText(row.word, answer ? wordOf(verdict, answer.hidden) : "nobody");
    setText(row.as, row.not && own !== "unknown" ? `as the term ${own}` : "");
    setText(row.now, measure(answer ? answer.value : null, row.term.unit));
    setHidden(row.blame, !guilty);
  }
}

function wordOf(verdict, hidden) {
  const because = verdict === "unknown" && hidden && hidden.length;
  return because ? `unknown: ${hiddenText(hidden)}` : verdict;
}

export function hiddenText(joints) {
  return joints.length === 1 ? `${joints[0]} is hidden` : `${joints.join(", ")} are hidden`;
}
