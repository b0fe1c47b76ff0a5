// A pose's rule as a tree. In: its outline, the text with #0, #1 … for its terms, and the verdicts of
// the terms. Out: the tree, the verdict of each branch, the terms to blame.
// Outlines: "#0 and (#1 or not #2)"; "#0 #1", where #1 is the time for which #0 must hold; "changed(#0)
// #1", where #1 is the time for which a change is remembered; "#0, then #1" of a sequence.
// A node is {kind: "term", index}, {kind: "not", parts: [node]}, {kind: "and" | "or", parts},
// {kind: "for" | "changed", parts: [node], timer: index}, {kind: "sequence", parts: terms}, or of an
// outline that cannot be read {kind: "list", parts: all terms}.

const TOKENS = /\s*(#\d+|,\s*then\b|\b(?:changed|and|or|not)\b|[()])\s*/y;

/** The tree of a rule; without one, all of the `terms` must hold. Never throws. */
export function parse(rule, terms) {
  const all = Array.from({ length: terms }, (_, index) => ({ kind: "term", index }));
  try {
    const tree = sequence(tokensOf(rule || all.map(({ index }) => `#${index}`).join(" and ")));
    const found = indices(tree).sort((a, b) => a - b);
    if (found.join() !== [...all.keys()].join()) throw new Error("the rule has not each term once");
    return tree;
  } catch {
    return { kind: "list", parts: all };
  }
}

function tokensOf(text) {
  const tokens = [];
  TOKENS.lastIndex = 0;
  while (TOKENS.lastIndex < text.length) {
    const found = TOKENS.exec(text);
    if (!found) throw new Error("the rule has a word that is not known");
    tokens.push(found[1].replace(/^,\s*/, ""));
  }
  return tokens;
}

function sequence(tokens) {
  const tree = either(tokens);
  const parts = [tree];
  while (tokens[0] === "then") {
    tokens.shift();
    parts.push(either(tokens));
  }
  if (tokens.length) throw new Error("the rule does not end where it should");
  if (parts.length === 1) return tree;
  if (parts.some((part) => part.kind !== "term")) throw new Error("a step is more than a term");
  return { kind: "sequence", parts };
}

function either(tokens) {
  return chain(tokens, "or", (rest) => chain(rest, "and", single));
}

function chain(tokens, kind, next) {
  const parts = [next(tokens)];
  while (tokens[0] === kind) {
    tokens.shift();
    parts.push(next(tokens));
  }
  // (a and b) and c reads as all of a, b, c.
  const flat = parts.flatMap((part) => (part.kind === kind ? part.parts : [part]));
  return flat.length > 1 ? { kind, parts: flat } : flat[0];
}

function single(tokens) {
  if (tokens[0] !== "not") return timed(tokens);
  tokens.shift();
  return { kind: "not", parts: [single(tokens)] };
}

/** A term, a bracket or a change, and for how long it must hold: a number right behind it. */
function timed(tokens) {
  const part = atom(tokens);
  return isTerm(tokens[0]) ? { kind: "for", parts: [part], timer: term(tokens) } : part;
}

function atom(tokens) {
  if (isTerm(tokens[0])) return { kind: "term", index: term(tokens) };
  const changed = tokens[0] === "changed";
  if (changed) tokens.shift();
  expect(tokens, "(");
  const inner = either(tokens);
  expect(tokens, ")");
  return changed ? { kind: "changed", parts: [inner], timer: term(tokens) } : inner;
}

const isTerm = (token) => token !== undefined && token[0] === "#";

function term(tokens) {
  if (!isTerm(tokens[0])) throw new Error("the rule has a hole");
  return Number(tokens.shift().slice(1));
}

function expect(tokens, wanted) {
  if (tokens.shift() !== wanted) throw new Error(`the rule lacks a ${wanted}`);
}

/** The numbers of all terms in a node. */
function indices(node) {
  if (node.kind === "term") return [node.index];
  const inner = node.parts.flatMap(indices);
  return node.timer === undefined ? inner : [...inner, node.timer];
}

/** The place of the step of a sequence that comes next, by the verdicts of its steps. */
export const nextStep = (verdicts) => verdicts.lastIndexOf("holds") + 1;

export const OPPOSITE = { holds: "fails", fails: "holds", unknown: "unknown" };

/** "holds", "fails" or "unknown", as the rules of the daemon have it (Kleene's logic). */
export function verdictOf(node, verdicts) {
  const of = (index) => verdicts[index] || "unknown";
  if (node.kind === "term") return of(node.index);
  if (node.kind === "changed") return of(node.timer);
  // Nobody knows how the parts of a list are joined.
  if (node.kind === "list") return "unknown";
  const parts = node.parts.map((part) => verdictOf(part, verdicts));
  if (node.kind === "not") return OPPOSITE[parts[0]];
  if (node.kind === "for") return longEnough(parts[0], of(node.timer));
  if (node.kind === "sequence") return parts[parts.length - 1];
  const decides = node.kind === "and" ? "fails" : "holds";
  if (parts.includes(decides)) return decides;
  return parts.includes("unknown") ? "unknown" : OPPOSITE[decides];
}

/** Before its time has come a part counts as failing, where it is known. */
function longEnough(part, timer) {
  if (timer === "holds") return part;
  return part === "unknown" ? "unknown" : timer;
}

/** The terms that keep the node from being `wish`, as a set of their numbers. */
export function blamed(node, verdicts, wish = "holds") {
  if (node.kind === "list" || verdictOf(node, verdicts) === wish) return new Set();
  if (node.kind === "term") return new Set([node.index]);
  if (node.kind === "changed") return new Set([node.timer]);
  if (node.kind === "sequence") return new Set([nextStep(verdicts)]);
  const inner = node.kind === "not" ? OPPOSITE[wish] : wish;
  const guilty = new Set(node.parts.flatMap((part) => [...blamed(part, verdicts, inner)]));
  return node.kind === "for" && !guilty.size ? new Set([node.timer]) : guilty;
}
