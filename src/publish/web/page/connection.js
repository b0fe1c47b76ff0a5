// The way to the board. In: the addresses of the server. Out: what it sends, by callbacks:
// `state` once a second, `line` and `why` as they come, `picture(frame, bitmap)`, and `link` when
// the connection is lost ({up: false, wait_ms}), there ({up: true}) or wants a password.
// /state is the heartbeat: streams are read only while it answers and the page is looked at.

import { Multipart } from "./multipart.js";

const BEAT_MS = 1000;
const HIDDEN_BEAT_MS = 5000;
const PATIENCE_MS = 5000;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15000;

/** What a board that has not begun to look does not tell. */
const UNTOLD = {
  uptime_s: 0, fps: null, people: 0, frames: 0, dropped: 0, damaged: 0, lines_dropped: 0,
  stages: [], keypoints: [], limbs: [], visible: 1, poses: [],
  held: [], zones: [],
};

const later = (wait) => Math.min(wait * 2, LONGEST_WAIT_MS);

/** A stream that is opened again, with growing pauses, for as long as it is wanted. */
class Reader {
  /** `open(got, ended)` opens the stream and returns what closes it. */
  constructor(open) {
    this.open = open;
    this.wanted = false;
    this.close = null;
    this.timer = 0;
    this.wait = FIRST_WAIT_MS;
    this.turn = 0;
  }

  want(yes) {
    if (yes === this.wanted) return;
    this.wanted = yes;
    if (yes) this.begin();
    else this.end();
  }

  begin() {
    const turn = ++this.turn;
    this.close = this.open(
      () => (this.wait = FIRST_WAIT_MS),
      () => turn === this.turn && this.again(),
    );
  }

  again() {
    this.turn++;
    this.close();
    this.close = null;
    this.timer = setTimeout(() => this.begin(), this.wait);
    this.wait = later(this.wait);
  }

  end() {
    this.turn++;
    clearTimeout(this.timer);
    if (this.close) this.close();
    this.close = null;
    this.wait = FIRST_WAIT_MS;
  }
}

function events(url, take) {
  return new Reader((got, ended) => {
    const source = new EventSource(url);
    source.onmessage = (message) => {
      got();
      take(JSON.parse(message.data));
    };
    source.onerror = ended;
    return () => source.close();
  });
}

function pictures(url, take) {
  return new Reader((got, ended) => {
    const abort = new AbortController();
    readPictures(url, abort.signal, got, take).then(ended, ended);
    return () => abort.abort();
  });
}

async function readPictures(url, signal, got, take) {
  const answer = await fetch(url, { signal, cache: "no-store" });
  if (!answer.ok) throw new Error(`no pictures: ${answer.status}`);
  const decode = decoder(signal, take);
  const parts = new Multipart((headers, bytes) => {
    got();
    decode(Number(headers.get("x-posed-frame")), bytes);
  });
  const reader = answer.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    parts.push(value);
  }
}

/** Decodes one picture at a time; of those that come meanwhile only the newest is kept. */
function decoder(signal, take) {
  let next = null;
  let busy = false;
  async function work() {
    busy = true;
    while (next) {
      const { frame, bytes } = next;
      next = null;
      try {
        const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
        if (signal.aborted) bitmap.close();
        else take(frame, bitmap);
      } catch {
        // A picture that is no picture is passed over; the next one comes soon.
      }
    }
    busy = false;
  }
  return (frame, bytes) => {
    next = { frame, bytes };
    if (!busy) work();
  };
}

export class Connection {
  constructor({ state, line, why, picture, link }) {
    this.on = { state, link };
    this.lines = events("/lines", line);
    this.events = events("/events", line);
    this.why = events("/why", why);
    this.pictures = pictures("/stream.mjpg", picture);
    this.wishes = { picture: false, why: false };
    this.up = false;
    this.wait = FIRST_WAIT_MS;
    this.timer = 0;
    this.beating = false;
    addEventListener("online", () => this.retry());
    addEventListener("pagehide", () => this.lost());
    document.addEventListener("visibilitychange", () => this.looked());
    this.beat();
  }

  /** Which streams the page has a use for: {picture, why}. */
  wish(wishes) {
    Object.assign(this.wishes, wishes);
    this.apply();
  }

  retry() {
    this.wait = FIRST_WAIT_MS;
    this.beat();
  }

  looked() {
    this.apply();
    if (!document.hidden) this.retry();
  }

  apply() {
    const seen = this.up && !document.hidden;
    this.lines.want(seen);
    this.events.want(this.up && !seen);
    this.why.want(seen && this.wishes.why);
    this.pictures.want(seen && this.wishes.picture);
  }

  async beat() {
    if (this.beating) return;
    this.beating = true;
    clearTimeout(this.timer);
    const pause = await this.ask();
    this.beating = false;
    this.timer = setTimeout(() => this.beat(), pause);
  }

  /** Asks for the state once; returns how long to wait until the next time. */
  async ask() {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), PATIENCE_MS);
    try {
      const answer = await fetch("/state", { signal: abort.signal, cache: "no-store" });
      if (answer.status === 401) return this.refused();
      if (!answer.ok) throw new Error(`state: ${answer.status}`);
      const state = { ...UNTOLD, ...(await answer.json()) };
      this.wait = FIRST_WAIT_MS;
      if (!this.up) this.on.link({ up: true });
      this.up = true;
      this.on.state(state);
      this.apply();
      return document.hidden ? HIDDEN_BEAT_MS : BEAT_MS;
    } catch (error) {
      if (error instanceof TypeError || error.name === "AbortError") return this.gone();
      console.warn(error.message);
      return this.gone();
    } finally {
      clearTimeout(timer);
    }
  }

  lost() {
    this.up = false;
    this.apply();
  }

  gone() {
    this.lost();
    const wait = this.wait;
    this.wait = later(wait);
    this.on.link({ up: false, wait_ms: wait });
    return wait;
  }

  refused() {
    this.lost();
    this.on.link({ up: false, password: true, wait_ms: LONGEST_WAIT_MS });
    return LONGEST_WAIT_MS;
  }
}
