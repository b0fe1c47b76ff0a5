// The live page. In: the board's state, lines, answers and pictures (connection.js). Out: each
// handed to the parts that show it; toggles, dialogs, the clip button and the keys.

import { Board } from "./board.js";
import { Connection } from "./connection.js";
import { byId, make, memory, setHidden, setText } from "./dom.js";
import { Editor, ask } from "./editor.js";
import { bytes, fileName, seconds } from "./format.js";
import { addToLog } from "./log.js";
import { People, Scene } from "./people.js";
import { Picture } from "./picture.js";
import { colourOf } from "./skeleton.js";
import { Teach } from "./teach.js";
import { Why } from "./why.js";

const picture = new Picture();
const board = new Board();
const editor = new Editor();
const scene = new Scene();
const teach = new Teach(editor);
const why = new Why();
const people = new People(scene, (pose) => why.ask(pose));
let countdown = 0;

const connection = new Connection({
  state(state) {
    for (const part of [scene, picture, board, people, why, editor, teach]) part.setState(state);
    connection.wish({ picture: picture.wantsPicture(), why: state.poses.length > 0 });
    setText(byId("address"), state.address);
    byId("address").href = state.address;
    setHidden(byId("address-note"), !/\/\/(127\.|localhost|\[::1\])/.test(state.address));
  },
  line(line) {
    scene.addLine(line);
    if (line.type !== "frame") return addToLog(line);
    picture.addLine(line);
    people.addLine(line);
    teach.addLine(line);
  },
  why: (message) => why.add(message),
  picture: (frame, bitmap) => picture.addPicture(frame, bitmap),
  link,
});

function link({ up, password, wait_ms }) {
  clearInterval(countdown);
  picture.setLink(up);
  setHidden(byId("banner"), up);
  if (up) return setText(byId("banner-text"), "");
  if (password && !editor.changed()) return location.assign("/login");
  setText(byId("banner-text"), password ? "You were logged out. Log in in another window to save your text." : "The connection to the board is lost.");
  let left = Math.round(wait_ms / 1000);
  const tell = () => setText(byId("banner-wait"), left > 0 ? `Next try in ${left--} s.` : "Trying …");
  tell();
  countdown = setInterval(tell, 1000);
}

const toggles = ["picture", "skeletons", "names"].map((name) => {
  const box = byId(`show-${name}`);
  box.checked = memory.get(`show.${name}`, "yes") === "yes";
  const apply = () => {
    memory.set(`show.${name}`, box.checked ? "yes" : "no");
    picture.setShow({ [name]: box.checked });
    connection.wish({ picture: picture.wantsPicture() });
  };
  box.addEventListener("change", apply);
  apply();
  return box;
});

async function saveClip() {
  const button = byId("clip");
  if (button.hidden || button.disabled) return;
  button.disabled = true;
  setText(byId("clip-note"), "Saving …");
  try {
    const clip = await (await ask("/clip", { method: "POST" })).json();
    setText(byId("clip-note"), `Saved ${seconds(clip.seconds)} as ${fileName(clip.file)} (${bytes(clip.bytes)}), in ${clip.file.slice(0, clip.file.lastIndexOf("/")) || "/"}`);
  } catch (error) {
    setText(byId("clip-note"), `Not saved: ${error.message}`);
  }
  button.disabled = false;
}

function openAddress() {
  byId("qr").src = "/qr.svg";
  byId("address-dialog").showModal();
}

const openHelp = () => byId("help-dialog").showModal();

function go(id, focus) {
  byId(id).scrollIntoView({ block: "start" });
  byId(focus).focus({ preventScroll: true });
}

const KEYS = {
  p: ["Picture on or off", () => toggles[0].click()],
  s: ["Skeletons on or off", () => toggles[1].click()],
  n: ["Names on or off", () => toggles[2].click()],
  w: ["Why does my pose not hold?", () => go("why", "why-pose")],
  t: ["Teach a pose", () => !byId("teach").hidden && go("teach", "teach-name")],
  e: ["The configuration", () => !byId("editor").hidden && go("editor", "text")],
  c: ["Save the last 10 s", saveClip],
  a: ["Address and QR code", openAddress],
  "?": ["This help", openHelp],
};

const keyRows = Object.entries(KEYS).map(([key, [text]]) => [key, text]);
for (const [key, text] of [...keyRows, ["Ctrl+S", "Save the configuration, in its text"]]) {
  byId("keys").append(make("tr", {}, make("th", { scope: "row" }, make("kbd", {}, key)), make("td", {}, text)));
}

byId("keys-on").checked = memory.get("keys", "yes") === "yes";
byId("keys-on").addEventListener("change", (event) => memory.set("keys", event.target.checked ? "yes" : "no"));

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("textarea, select, input:not([type=checkbox]), dialog");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !byId("keys-on").checked) return;
  const key = KEYS[event.key];
  if (!key) return;
  event.preventDefault();
  key[1]();
});

byId("clip").addEventListener("click", saveClip);
byId("open-address").addEventListener("click", openAddress);
byId("open-help").addEventListener("click", openHelp);
byId("retry").addEventListener("click", () => connection.retry());

/** For tests and the curious: what is drawn, and where. */
window.posed = {
  get frame() {
    return picture.drawn.line && picture.drawn.line.frame;
  },
  get pictureFrame() {
    return picture.drawn.picture && picture.drawn.picture.frame;
  },
  get line() {
    return picture.drawn.line;
  },
  toCanvas: (x, y) => picture.toCanvas(x, y),
  colourOf,
};
