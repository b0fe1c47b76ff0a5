// What happened. In: event and status lines. Out: the list of events, newest first, the oldest
// dropped.

import { byId, make, setHidden } from "./dom.js";
import { clock, seconds, whose } from "./format.js";

const KEPT = 100;

const STATES = {
  started: "posed started",
  source_lost: "source lost",
  source_back: "source is back",
  stopped: "posed stopped",
};

export function addToLog(line) {
  const list = byId("log");
  setHidden(byId("no-events"), true);
  list.prepend(line.type === "event" ? eventRow(line) : statusRow(line));
  while (list.children.length > KEPT) list.lastChild.remove();
}

function eventRow(line) {
  const after = line.held_s > 0 ? ` after ${seconds(line.held_s)}` : "";
  const what = line.event === "count" ? `${line.pose}: ${line.count}` : line.pose;
  return make(
    "li",
    { "data-event": line.event },
    make("time", {}, clock(line)),
    make("span", { class: "kind" }, line.event),
    make("span", {}, make("strong", {}, what), ` ${whose(line.person)}${after}`),
  );
}

function statusRow(line) {
  const text = STATES[line.state] || line.state;
  return make(
    "li",
    { "data-event": "status" },
    make("time", {}, clock(line)),
    make("span", { class: "kind" }, "state"),
    make("span", {}, line.detail ? `${text}: ${line.detail}` : text),
  );
}
