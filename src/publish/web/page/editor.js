// The editor of the configuration. In: /config and its ETag, what is typed. Out: faults beside
// their lines as one types (/config/check), and the text saved unless somebody else was faster.

import { byId, setHidden, setText, setVerdict } from "./dom.js";
import { LINE_EM, showFaults } from "./faults.js";
import { fileName } from "./format.js";

const CHECK_AFTER_MS = 400;

export class Editor {
  constructor() {
    this.text = byId("text");
    this.saved = null;
    this.etag = null;
    this.faults = [];
    this.checked = "";
    this.loading = false;
    this.timer = 0;
    this.text.addEventListener("input", () => this.typed());
    byId("save").addEventListener("click", () => this.save());
    byId("editor").addEventListener("keydown", (event) => this.key(event));
    byId("conflict-dialog").addEventListener("close", (event) => event.target.returnValue === "theirs" && this.takeTheirs());
    byId("mine-copy").addEventListener("click", () => copy(byId("mine-text")));
    byId("mine-close").addEventListener("click", () => setHidden(byId("mine"), true));
    addEventListener("beforeunload", (event) => this.changed() && event.preventDefault());
  }

  setState(state) {
    if (state.edit && this.saved === null && !this.loading) this.load();
  }

  changed() {
    return this.saved !== null && this.text.value !== this.saved;
  }

  async load() {
    this.loading = true;
    try {
      const answer = await ask("/config", { cache: "no-store" });
      this.text.value = await answer.text();
      this.saved = this.text.value;
      this.etag = answer.headers.get("ETag");
      await this.check();
    } catch (error) {
      this.say("fails", error.message);
    } finally {
      this.loading = false;
    }
  }

  typed() {
    showFaults(this.faults, this.text.value, (line) => this.go(line));
    this.offerSave();
    this.say("unknown", "Checking …");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.check(), CHECK_AFTER_MS);
  }

  /** Puts lines at the end, as if they were typed, and goes to the first: saving is for the reader. */
  append(lines) {
    const { value } = this.text;
    const gap = value === "" || value.endsWith("\n\n") ? "" : value.endsWith("\n") ? "\n" : "\n\n";
    this.text.setRangeText(gap + lines, value.length, value.length);
    this.typed();
    this.go((value + gap).split("\n").length);
  }

  async check() {
    const text = this.text.value;
    try {
      const answer = await ask("/config/check", { method: "POST", body: text });
      const { faults } = await answer.json();
      if (text === this.text.value) this.take(faults, text);
    } catch (error) {
      this.say("fails", error.message);
    }
  }

  take(faults, text) {
    this.faults = faults;
    this.checked = text;
    showFaults(faults, text, (line) => this.go(line));
    const n = faults.length;
    if (n) this.say("fails", n === 1 ? "1 fault" : `${n} faults`);
    else this.say("holds", this.changed() ? "No faults, not saved yet" : "No faults");
    this.offerSave();
  }

  offerSave() {
    const fine = this.checked === this.text.value && !this.faults.length;
    byId("save").disabled = !fine || !this.changed();
  }

  key(event) {
    if (event.key.toLowerCase() !== "s" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (!byId("save").disabled) this.save();
  }

  async save() {
    const text = this.text.value;
    byId("save").disabled = true;
    this.say("unknown", "Saving …");
    try {
      const answer = await ask("/config", { method: "POST", body: text, headers: { "If-Match": this.etag } }, [412, 422]);
      if (answer.status === 412) return this.conflict();
      if (answer.status === 422) return this.take((await answer.json()).faults, text);
      const { saved, kept } = await answer.json();
      this.saved = text;
      this.etag = answer.headers.get("ETag");
      this.offerSave();
      this.say("holds", `Saved. The one before is kept as ${fileName(kept)}`);
      byId("editor-status").title = `${saved}, ${kept}`;
    } catch (error) {
      this.say("fails", error.message);
      this.offerSave();
    }
  }

  conflict() {
    this.say("fails", "Not saved: somebody else changed the file");
    byId("conflict-dialog").returnValue = "";
    byId("conflict-dialog").showModal();
    this.offerSave();
  }

  async takeTheirs() {
    byId("mine-text").value = this.text.value;
    setHidden(byId("mine"), false);
    await this.load();
    this.text.focus();
  }

  go(line) {
    const lines = this.text.value.split("\n");
    const start = lines.slice(0, line - 1).reduce((sum, l) => sum + l.length + 1, 0);
    this.text.focus();
    this.text.setSelectionRange(start, start + (lines[line - 1] || "").length);
    const pane = byId("pane");
    const em = parseFloat(getComputedStyle(this.text).fontSize);
    pane.scrollTop = (line - 1) * LINE_EM * em - pane.clientHeight / 3;
    pane.scrollLeft = 0;
  }

  say(verdict, text) {
    setVerdict(byId("editor-status"), verdict);
    setText(byId("editor-status"), text);
    byId("editor-status").title = "";
  }
}

/** Fetches; an answer that is no success, nor expected, is an error with the server's words. */
export async function ask(url, options, expected = []) {
  let answer;
  try {
    answer = await fetch(url, options);
  } catch {
    throw new Error("The board does not answer.");
  }
  if (answer.ok || expected.includes(answer.status)) return answer;
  const said = await answer.json().catch(() => ({}));
  throw new Error(said.error || `The board refused: ${answer.status}.`);
}

async function copy(area) {
  area.select();
  // Without https there is no clipboard for pages; the text is selected then.
  if (navigator.clipboard) await navigator.clipboard.writeText(area.value);
}
