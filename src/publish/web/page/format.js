// Numbers as people read them. In: values of /state, /why and lines. Out: short texts.

const UNITS = {
  torso: (v) => `${v.toFixed(2).replace("-", "−")} torso`,
  deg: (v) => `${Math.round(v)}°`,
  seen: (v) => `score ${v.toFixed(2)}`,
  share: (v) => `${(v * 100).toFixed(1)} %`,
  "torso/s": (v) => `${v.toFixed(2)} torso/s`,
  // Of the picture's height, from the border of a zone.
  inside: (v) => (v === 0 ? "the border" : `${(Math.abs(v) * 100).toFixed(1)} % ${v > 0 ? "inside" : "outside"}`),
  like: (v) => `like ${v.toFixed(2)}`,
  s: (v) => seconds(v),
  times: (v) => count(Math.round(v), "time", "times"),
  people: (v) => count(Math.round(v), "person", "people"),
};

/** A value of a term with its unit; "–" where there is none. */
export function measure(value, unit) {
  if (value == null) return "–";
  return (UNITS[unit] || ((v) => v.toFixed(2)))(value);
}

/** A margin in a term's unit; what it is a margin of says the term. */
export function marginOf(value, unit) {
  return measure(value, unit).replace(/ (torso(\/s)?|inside)$|^(score|like) /, "");
}

/** The limits of a term; those of `visible(…)` are the score of a seen joint. */
export function limitsOf(term, visible) {
  const bare = term.unit === "seen" && term.low == null && term.high == null;
  return { low: bare ? visible : term.low, high: term.high };
}

/** What a term wants, or with `not` its opposite: "more than 0.20 torso", "150° to 180°". */
export function wanted(term, visible, not) {
  const { low, high } = limitsOf(term, visible);
  const text = (v) => measure(v, term.unit);
  if (term.unit === "inside") return (low != null) === !not ? "to be inside" : "to be outside";
  // Whole numbers and timers hold from a number on.
  if (term.unit === "times" && low != null) return not ? `at most ${text(low)}` : `at least ${text(low + 1)}`;
  if (term.unit === "s" && low != null) return not ? `less than ${text(low)}` : `at least ${text(low)}`;
  if (low != null && high != null) return `${not ? "not " : ""}${text(low)} to ${text(high)}`;
  if (low != null) return not ? `at most ${text(low)}` : `more than ${text(low)}`;
  if (high != null) return not ? `at least ${text(high)}` : `less than ${text(high)}`;
  return not ? "the impossible" : "anything";
}

export function duration(seconds) {
  const s = Math.floor(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

export const rate = (fps) => (fps == null ? "–" : fps.toFixed(1));

export const seconds = (s) => `${s.toFixed(1)} s`;

export function bytes(n) {
  return n < 1e6 ? `${Math.max(1, Math.round(n / 1000))} kB` : `${(n / 1e6).toFixed(1)} MB`;
}

/** The hour of an event by the reader's clock; seconds of the run where the line has no `time`. */
export function clock(line) {
  const date = line.time ? new Date(line.time) : null;
  return date && !isNaN(date) ? date.toLocaleTimeString([], { hour12: false }) : `${line.t.toFixed(1)} s`;
}

/** Whose an event is: number 0 is nobody's, but the whole scene's. */
export const whose = (person) => (person === 0 ? "scene" : `person ${person}`);

/** What somebody did how often: ["squats 7"]; nothing where nothing is counted. */
export const countsOf = ({ counts }) => Object.entries(counts || {}).map(([name, n]) => `${name} ${n}`);

export const count = (n, one, many) => `${n} ${n === 1 ? one : many}`;

export const fileName = (path) => path.slice(path.lastIndexOf("/") + 1);
