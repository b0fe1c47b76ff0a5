// The document. In: ids, tags, texts. Out: elements whose texts are only ever text, never markup.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

/** An element; `attributes` that are functions become listeners (`onclick`), the rest attributes. */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** Writes only what differs, so that nothing is laid out or read aloud anew for nothing. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setVerdict(node, verdict) {
  if (node.dataset.verdict !== verdict) node.dataset.verdict = verdict;
}

export function setHidden(node, hidden) {
  if (node.hidden !== hidden) node.hidden = hidden;
}

/** The sign of a verdict: "holds", "fails" or "unknown". */
export function icon(verdict) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#icon-${verdict}`);
  svg.append(use);
  return svg;
}

/** Exchanges the sign of an icon made by `icon`. */
export function setIcon(svg, verdict) {
  const use = svg.firstChild;
  const href = `#icon-${verdict}`;
  if (use.getAttribute("href") !== href) use.setAttribute("href", href);
}

/** Makes the options of a select anew, keeping the choice; `choices` are [value, text]. */
export function setOptions(select, choices) {
  const key = JSON.stringify(choices);
  if (select.dataset.key === key) return;
  const chosen = select.value;
  select.replaceChildren(...choices.map(([value, text]) => make("option", { value }, text)));
  select.dataset.key = key;
  if (choices.some(([value]) => value === chosen)) select.value = chosen;
}

/** What this browser remembers of the page; a browser that remembers nothing is fine. */
export const memory = {
  get(key, otherwise) {
    try {
      return localStorage.getItem(`posed.${key}`) ?? otherwise;
    } catch {
      return otherwise;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(`posed.${key}`, value);
    } catch {
      // A private window may forbid it.
    }
  },
};
