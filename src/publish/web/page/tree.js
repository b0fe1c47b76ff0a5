// The rule of a pose, drawn as nested lists. In: a pose of /state, the answers of /why for one
// person. Out: an element with a row for each term and a head for each and/or/not; a time is a row
// below the part that it times, under a head of their own.

import { icon, make, setHidden, setIcon, setText, setVerdict } from "./dom.js";
import { marginOf, measure, wanted } from "./format.js";
import { Graph } from "./graph.js";
import { OPPOSITE, blamed, parse, verdictOf } from "./rule.js";

const HEADS = {
  and: "All of these",
  or: "Any of these",
  not: "Not this",
  for: "This, for long enough",
  changed: "A change of this",
  sequence: "One after another",
  list: "Its terms",
};
/** What stands before a value, by what the term is of. */
const LEADS = { term: "now ", for: "held ", changed: "changed ", step: "reached " };

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
    const rows = node.parts.map((part) => (node.kind === "sequence" ? this.termRow(part.index, false, "step") : this.build(part)));
    if (node.timer !== undefined) rows.push(this.termRow(node.timer, false, node.kind));
    const sign = icon("unknown");
    const word = make("span", { class: "word" });
    const head = make("div", { class: "group" }, sign, make("strong", {}, HEADS[node.kind]), word);
    this.heads.push({ node, sign, word, head });
    return make("li", { class: node.kind }, head, make("ul", {}, ...rows));
  }

  /**
   * With `not`, the row stands for "not term": its verdict is the opposite of the term's. It is of a
   * "term", of a "step" or of the time of "for" or "changed".
   */
  termRow(index, not, of = "term") {
    const term = this.pose.terms[index];
    const row = { index, term, not, of, sign: icon("unknown"), word: make("span"), as: make("span", { class: "as" }), now: make("b") };
    row.blame = make("span", { class: "blame", hidden: true }, "stands in the way");
    row.graph = new Graph(term, this.visible, not);
    const text = make("p", {}, ...(not ? [make("code", { class: "lead" }, "not ")] : []), make("code", {}, term.text));
    const margin = term.margin ? ` · margin ${marginOf(term.margin, term.unit)}` : "";
    const numbers = make("p", { class: "numbers" }, LEADS[of], row.now, `${this.limit(row)}${margin}`);
    const says = make("p", { class: "says" }, row.sign, row.word, row.as, row.blame);
    row.item = make("li", { class: of === "term" ? "term" : `term ${of}` }, make("div", {}, text, says, numbers), row.graph.canvas);
    this.rows.push(row);
    return row.item;
  }

  limit({ term, not, of }) {
    if (of === "step") return term.high == null ? "" : ` · the next within ${measure(term.high, term.unit)}`;
    return isEndless(term) ? " · has no goal" : ` · wants ${wanted(term, this.visible, not)}`;
  }

  /**
   * `answer` is the pose's of one person, or null; `past` gives a term's points [t, value]. `absent`
   * is said of what has no answer.
   */
  show(answer, past, now, absent = "nobody") {
    const terms = answer ? answer.terms : [];
    const verdicts = terms.map((t) => t.verdict);
    const guilty = terms.length && answer.verdict !== "holds" ? blamed(this.rule, verdicts) : new Set();
    for (const { node, sign, word, head } of this.heads) {
      const told = terms.length > 0;
      const verdict = node.kind === "list" && told ? answer.verdict : verdictOf(node, verdicts);
      setVerdict(head, verdict);
      setIcon(sign, verdict);
      setText(word, told ? verdict : absent);
    }
    for (const row of this.rows) {
      this.showTerm(row, terms[row.index], guilty.has(row.index) && !isEndless(row.term), absent);
      row.graph.draw(past(row.index), now);
    }
  }

  /** Whether it can mark what stands in the way: not in a rule that it could not read. */
  marks() {
    return this.rule.kind !== "list";
  }

  /** The rule's verdict as it is written, without the margin that an active pose has. */
  asWritten(answer) {
    return this.rule.kind === "list" ? answer.verdict : verdictOf(this.rule, answer.terms.map((t) => t.verdict));
  }

  showTerm(row, answer, guilty, absent) {
    const own = answer && !isEndless(row.term) ? answer.verdict : "unknown";
    const verdict = row.not ? OPPOSITE[own] : own;
    setVerdict(row.item, verdict);
    setIcon(row.sign, verdict);
    setText(row.word, answer ? wordOf(row, verdict, answer.hidden) : absent);
    setText(row.as, row.not && own !== "unknown" ? `as the term ${own}` : "");
    setText(row.now, valueOf(row, answer));
    setHidden(row.blame, !guilty);
  }
}

function valueOf({ of, term }, answer) {
  const value = answer ? answer.value : null;
  const text = measure(value, term.unit);
  if (of !== "changed" && of !== "step") return text;
  if (value != null) return `${text} ago`;
  return answer && answer.verdict === "fails" ? "not lately" : text;
}

/** A count without a goal neither holds nor fails. */
const isEndless = (term) => term.unit === "times" && term.low == null;

function wordOf(row, verdict, hidden) {
  if (isEndless(row.term)) return "only counted";
  if (row.of === "step" && verdict !== "unknown") return verdict === "holds" ? "reached" : "not reached";
  const because = verdict === "unknown" && hidden && hidden.length;
  return because ? `unknown: ${hiddenText(hidden)}` : verdict;
}

export function hiddenText(joints) {
  return joints.length === 1 ? `${joints[0]} is hidden` : `${joints.join(", ")} are hidden`;
}
