// How the board does. In: /state. Out: the head of the page, the figures and the bars of the
// stages.

import { byId, make, setHidden, setText, setVerdict } from "./dom.js";
import { duration, rate } from "./format.js";

const HOT_C = 80;

const SOURCES = {
  running: ["holds", "running"],
  waiting: ["unknown", "waiting for the first frame"],
  lost: ["fails", "source lost"],
};

export class Board {
  constructor() {
    this.figures = new Map();
    this.stages = new Map();
  }

  setState(state) {
    this.head(state);
    for (const [name, text] of Object.entries(figuresOf(state))) this.figure(name, text);
    this.bars(state.stages);
    setText(byId("rate"), `${rate(state.fps)} frames a second`);
    setText(byId("about"), `posed ${state.version} · ${state.name} · up ${duration(state.uptime_s)}`);
  }

  head(state) {
    setText(byId("name"), state.name);
    document.title = `${state.name} – posed`;
    const [verdict, text] = SOURCES[state.source.state] || ["unknown", state.source.state];
    const silent = state.hanging && state.source.state === "running";
    setVerdict(byId("source"), silent ? "fails" : verdict);
    setText(byId("source"), silent ? `“${state.hanging}” is silent` : text);
    setText(byId("source-detail"), state.source.detail || "");
    for (const [id, there] of [["editor", state.edit], ["teach", state.edit], ["to-editor", state.edit], ["clip", state.clips], ["logout", state.password]]) {
      setHidden(byId(id), !there);
    }
    noteOnPicture(state.picture);
  }

  figure(name, text) {
    let value = this.figures.get(name);
    if (!value) {
      value = make("dd");
      byId("figures").append(make("div", {}, make("dt", {}, name), value));
      this.figures.set(name, value);
    }
    setText(value, text);
  }

  bars(stages) {
    const sum = stages.reduce((ms, s) => ms + s.ms, 0);
    for (const { name, ms } of stages) {
      if (!this.stages.has(name)) this.stages.set(name, stageRow(name));
      const row = this.stages.get(name);
      row.bar.style.width = `${sum > 0 ? (100 * ms) / sum : 0}%`;
      setText(row.ms, `${ms < 1 ? ms.toFixed(2) : ms.toFixed(1)} ms`);
    }
    setText(byId("stages-sum"), sum > 0 ? `${sum.toFixed(1)} ms in all` : "");
  }
}

function stageRow(name) {
  const bar = make("span", { class: "fill" });
  const ms = make("span", { class: "ms" });
  byId("stages").append(make("li", {}, make("span", {}, name), make("span", { class: "track", "aria-hidden": "true" }, bar), ms));
  return { bar, ms };
}

function figuresOf(state) {
  const { temperature_c: heat } = state;
  return {
    "Frames a second": rate(state.fps),
    Temperature: heat == null ? "unknown" : `${heat.toFixed(1)} °C${heat >= HOT_C ? ", hot" : ""}`,
    Frames: state.frames.toLocaleString(),
    Dropped: state.dropped.toLocaleString(),
    Damaged: state.damaged.toLocaleString(),
    "Lines dropped": state.lines_dropped.toLocaleString(),
    "Up for": duration(state.uptime_s),
    Version: state.version,
  };
}

function noteOnPicture(kind) {
  const note = { none: "This board sends no picture, only skeletons.", blurred: "The picture is blurred by the board." }[kind];
  setHidden(byId("note"), !note);
  setText(byId("note"), note || "");
  byId("show-picture").disabled = kind === "none";
}
