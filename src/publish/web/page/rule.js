// A pose's rule as a tree. In: its text with #0, #1 … for the terms ("#0 and (#1 or not #2)") and
// the verdicts of the terms. Out: the tree, the verdict of each branch, the terms to blame.
// A node is {kind: "term", index}, {kind: "not", parts: [node]}, {kind: "and" | "or", parts}.

const TOKENS = /#\d+|\band\b|\bor\b|\bnot\b|[()]/g;

/** The tree of a rule; without one, all of the `terms` must hold. */
export function parse(rule, terms) {
  const text = rule || Array.from({ length: terms }, (_, i) => `#${i}`).join(" and ");
  const tokens = text.match(TOKENS) || [];
  const tree = either(tokens);
  if (tokens.length) throw new Error(`the rule ${text} does not end where it should`);
  return tree;
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
  const token = tokens.shift();
  if (token === "not") return { kind: "not", parts: [single(tokens)] };
  if (token === "(") {
    const inner = either(tokens);
    tokens.shift();
    return inner;
  }
  if (!token || token[0] !== "#") throw new Error("the rule has a hole");
  return { kind: "term", index: Number(token.slice(1)) };
}

export const OPPOSITE = { holds: "fails", fails: "holds", unknown: "unknown" };

/** "holds", "fails" or "unknown", as the rules of the daemon have it (Kleene's logic). */
export function verdictOf(node, verdicts) {
  if (node.kind === "term") return verdicts[node.index] || "unknown";
  const parts = node.parts.map((part) => verdictOf(part, verdicts));
  if (node.kind === "not") return OPPOSITE[parts[0]];
  const decides = node.kind === "and" ? "fails" : "holds";
  if (parts.includes(decides)) return decides;
  return parts.includes("unknown") ? "unknown" : OPPOSITE[decides];
}

/** The terms that keep the node from being `wish`, as a set of their numbers. */
export function blamed(node, verdicts, wish = "holds") {
  if (verdictOf(node, verdicts) === wish) return new Set();
  if (node.kind === "term") return new Set([node.index]);
  const inner = node.kind === "not" ? OPPOSITE[wish] : wish;
  return new Set(node.parts.flatMap((part) => [...blamed(part, verdicts, inner)]));
}
