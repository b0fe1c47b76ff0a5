// The faults of the edited text. In: faults of /config/check, the text. Out: a mark on each faulty
// line, what is wrong behind it, and a list below; a click on one goes to its line (`go(line)`).

import { byId, icon, make } from "./dom.js";

/** Height of a line, in em, as page.css has it. */
export const LINE_EM = 1.5;

export function showFaults(faults, text, go) {
  const lines = text.split("\n");
  byId("marks").replaceChildren(...faults.map((f) => markOf(f, lines)));
  byId("faults").replaceChildren(...faults.map((f) => rowOf(f, go)));
  showNumbers(lines.length, new Set(faults.map((f) => f.line)));
  const longest = Math.max(...lines.map((l) => l.length));
  const noted = faults.map((f) => lengthOf(f, lines) + 4 + briefly(f).length);
  const pane = byId("pane").style;
  pane.setProperty("--lines", lines.length);
  pane.setProperty("--columns", longest + 1);
  pane.setProperty("--noted", Math.max(longest + 1, ...noted));
}

/** A problem may have more lines, which show the place and what was meant. */
const briefly = ({ problem }) => problem.split("\n")[0];

const lengthOf = ({ line }, lines) => (lines[line - 1] || "").length;

function markOf(fault, lines) {
  const note = make("span", {}, briefly(fault));
  note.style.left = `${lengthOf(fault, lines) + 3}ch`;
  const mark = make("div", { class: "mark" }, note);
  mark.style.top = `${(fault.line - 1) * LINE_EM}em`;
  return mark;
}

function rowOf(fault, go) {
  const where = make("strong", {}, `Line ${fault.line}${fault.key ? `, ${fault.key}` : ""}`);
  const lines = [...fault.problem.split("\n"), ...(fault.mend ? [fault.mend] : [])];
  const what = lines.map((line) => make("span", {}, line.startsWith(" ") ? make("code", {}, line) : line));
  return make("li", {}, make("button", { type: "button", onclick: () => go(fault.line) }, icon("fails"), where, ...what));
}

let shown = "";

function showNumbers(count, faulty) {
  const key = `${count} ${[...faulty]}`;
  if (key === shown) return;
  shown = key;
  const numbers = Array.from({ length: count }, (_, i) => {
    const bad = faulty.has(i + 1);
    return make("div", bad ? { class: "bad" } : {}, ...(bad ? [icon("fails")] : []), String(i + 1));
  });
  byId("gutter").replaceChildren(...numbers);
}
