// A link to one value of the proxy, such as the total or the summary: by WebSocket; where that is
// blocked by server-sent events; where that is blocked too by polling; and back up by itself.

import { Changes } from "./live-users-changes.js";
import { ServerClock } from "./live-users-server-clock.js";
import { openEvents, openPolling, openSocket } from "./live-users-transports.js";

const POLL_INTERVAL_MS = 5000;

// The best first. Polling is below them.
const STREAMS = [
  { transport: "websocket", open: openSocket },
  { transport: "sse", open: openEvents },
];

// A stream that has no frame after so long is given up, and polling begins a little earlier.
const OPEN_MS_MAX = 6000;
const FLOOR_MS = 2000;

// The server says something at least every 15 s: by a frame again, or by a comment.
const SILENCE_MS_MAX = 40_000;

// Past this many intervals, beside the time that a request may take, a polled value is old.
const FRESH_INTERVALS_MAX = 2;
const FETCH_MS_MAX = 10_000;
const FRESH_CHECK_MS = 1000;

// The clocks differ so much only if the computer has slept, or somebody has set the one.
const SLEPT_MS = 30_000;

// The waits, each at random up to so much, so that not all come back at once: before a lost stream
// is opened again, and before something better is tried again.
const AGAIN_MS_FIRST = 500;
const AGAIN_MS_MAX = 30_000;
const CLIMB_MS_FIRST = 30_000;
const CLIMB_MS_MAX = 300_000;
const DOUBLINGS_MAX = 8;

/**
 * How a link stands.
 * @typedef {object} LinkState
 * @property {"live" | "reconnecting" | "polling" | "down"} state live: each change is heard at once;
 *   polling: the value is asked for again and again; reconnecting: nothing is known just now;
 *   down: nothing was reached either way
 * @property {"websocket" | "sse" | "polling" | null} transport null while reconnecting or down
 * @property {object | null} error why it is down: the `key` of a message of the section `link`, and its `values`
 * @property {number | null} status the status of the last answer to a poll
 */

/**
 * Where the proxy is, with a slash at the end.
 * @param {string | URL | null} src as seen from the page; null where this script came from. A path is kept
 */
export function proxyUrl(src) {
  const url = src === null ? new URL(".", import.meta.url) : new URL(src, document.baseURI);
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

export class Link {
  /**
   * When the server last said something: what it said last is still true then. It is on the clock of
   * `performance.now()`, which no setting of the computer's own clock moves.
   */
  heardAt = null;
  /** The computer may have slept since, or its clock was set: more time may have gone by than is known. */
  mayHaveSlept = false;
  /** @type {LinkState} */
  state = { state: "reconnecting", transport: null, error: null, status: null };

  #url;
  /** Where its streams are: a summary comes as a snapshot and changes. */
  #streamUrl;
  #onFrame;
  #onState;
  #intervalMs;
  /** The stream that is read: { rank, transport, since, close } */
  #stream = null;
  #trying = null;
  #polling = null;
  #timer;
  #floor;
  #freshness;
  #tries = 0;
  #climbs = 0;
  #text = null;
  #isClosed = false;
  #heardByClock = null;
  #serverClock = new ServerClock();
  #changes = new Changes();

  /**
   * @param {object} options
   * @param {string | URL | null} options.src as of `proxyUrl`
   * @param {string} options.path the value: `api/live-users` or `api/live-users/summary`
   * @param {string | null} [options.agent] the agent whose total it is
   * @param {(frame: object) => void} options.onFrame gets each frame that differs from the last: an
   *   object with `success`, and `error` if that is false
   * @param {(state: LinkState) => void} options.onState is told how the link stands, after the frame
   * @param {number} [options.intervalMs] between two polls
   */
  constructor({ src, path, agent = null, onFrame, onState, intervalMs = POLL_INTERVAL_MS }) {
    this.#url = new URL(path, proxyUrl(src));
    if (agent !== null) this.#url.searchParams.set("agent", agent);
    this.#streamUrl = new URL(this.#url);
    if (path.endsWith("/summary")) this.#streamUrl.searchParams.set("changes", "true");
    this.#onFrame = onFrame;
    this.#onState = onState;
    this.#intervalMs = intervalMs;
    document.addEventListener("visibilitychange", this.#wake);
    document.addEventListener("freeze", this.#doubt);
    document.addEventListener("resume", this.#wake);
    window.addEventListener("online", this.#restart);
    // A computer that wakes up says so to nobody.
    this.#freshness = setInterval(() => this.#isOld() && this.#doubt(), FRESH_CHECK_MS);
    this.#reach();
  }

  /** Ends it: nothing more is told. */
  close() {
    this.#isClosed = true;
    document.removeEventListener("visibilitychange", this.#wake);
    document.removeEventListener("freeze", this.#doubt);
    document.removeEventListener("resume", this.#wake);
    window.removeEventListener("online", this.#restart);
    clearInterval(this.#freshness);
    this.#drop();
  }

  #drop() {
    clearTimeout(this.#timer);
    clearTimeout(this.#floor);
    for (const open of [this.#trying, this.#stream, this.#polling]) open?.close();
    this.#trying = this.#stream = this.#polling = null;
  }

  // From nothing: the best at once, and polling soon.
  #reach() {
    clearTimeout(this.#floor);
    this.#floor = setTimeout(() => this.#poll(), FLOOR_MS);
    this.#climb();
  }

  // Tries what is better than what there is, the best first.
  async #climb() {
    clearTimeout(this.#timer);
    this.#trying?.close();
    const mine = (this.#trying = { close() {} });
    for (const [rank, { transport, open }] of STREAMS.entries()) {
      if (this.#stream && rank >= this.#stream.rank) break;
      const stream = await this.#try(mine, rank, transport, open);
      if (this.#trying !== mine) return stream?.close();
      if (stream && !stream.isOver) {
        this.#adopt(stream);
        break;
      }
    }
    this.#trying = null;
    if (!this.#stream) this.#poll();
    if (this.#stream?.rank !== 0) this.#plan(CLIMB_MS_FIRST, CLIMB_MS_MAX, this.#climbs++);
  }

  // The stream once it has a frame, or null.
  #try(mine, rank, transport, open) {
    return new Promise((resolve) => {
      const stream = { rank, transport, since: performance.now(), texts: [], isOver: false };
      const end = (isRefused) => {
        clearTimeout(timer);
        stream.isOver = true;
        resolve(null);
        if (this.#stream === stream) this.#lose(isRefused);
        // An answer has the words and the status of it.
        else if (isRefused) this.#poll();
      };
      const timer = setTimeout(() => {
        opened.close();
        end(false);
      }, OPEN_MS_MAX);
      const opened = open(this.#streamUrl, {
        heard: (text) => {
          if (this.#stream === stream) return this.#hear(text);
          if (text !== null) stream.texts.push(text);
          if (stream.texts.length === 0) return;
          clearTimeout(timer);
          resolve(stream);
        },
        ended: end,
      });
      stream.close = mine.close = () => {
        clearTimeout(timer);
        opened.close();
        resolve(null);
      };
    });
  }

  #adopt(stream) {
    const worse = this.#stream;
    this.#stream = stream;
    worse?.close();
    clearTimeout(this.#floor);
    this.#polling?.close();
    this.#polling = null;
    if (stream.rank === 0) this.#climbs = 0;
    for (const text of stream.texts) this.#hear(text);
    if (this.#stream === stream) this.#tell({ state: "live", transport: stream.transport });
  }

  #hear(text) {
    this.heardAt = performance.now();
    this.#heardByClock = Date.now();
    this.mayHaveSlept = false;
    if (text === null || text === this.#text) return;
    try {
      const frame = this.#changes.take(JSON.parse(text));
      this.#text = text;
      if (frame === undefined) return this.#miss();
      if (frame === null) return;
      this.#serverClock.note(frame?.now, performance.now());
      this.#onFrame(frame);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }

  // A frame is missing: a stream that is opened anew begins with all there is.
  #miss() {
    this.#stream?.close();
    if (this.#stream) this.#lose(false);
  }

  // One that breaks off again and again is given more time each time.
  #lose(isRefused) {
    if (performance.now() - this.#stream.since > AGAIN_MS_MAX) this.#tries = 0;
    this.#stream = null;
    this.#tell({ state: "reconnecting" });
    clearTimeout(this.#floor);
    // Whom one way refuses, the others refuse too.
    if (isRefused) {
      this.#poll();
      this.#plan(CLIMB_MS_FIRST, CLIMB_MS_MAX, this.#climbs++);
      return;
    }
    this.#floor = setTimeout(() => this.#poll(), FLOOR_MS);
    this.#plan(AGAIN_MS_FIRST, AGAIN_MS_MAX, this.#tries++);
  }

  #plan(firstMs, mostMs, doublings) {
    const mostNow = Math.min(mostMs, firstMs * 2 ** Math.min(doublings, DOUBLINGS_MAX));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#climb(), (0.2 + 0.8 * Math.random()) * mostNow);
  }

  #poll() {
    if (this.#polling || this.#stream || this.#isClosed) return;
    this.#polling = openPolling(this.#url, this.#intervalMs, {
      heard: (text, { status, date }) => {
        this.#serverClock.note(date, performance.now());
        const wasDown = this.state.state === "down";
        this.#hear(text);
        this.#tell({ state: "polling", transport: "polling", status });
        if (wasDown && !this.#trying) this.#climb();
      },
      failed: ({ error, status }) => this.#tell({ state: "down", error, status }),
    });
  }

  /** The server's time at a moment of `performance.now()`; `null` if the server has not told it. */
  serverTime(at) {
    const time = this.#serverClock.timeAt(at);
    return time === null ? null : new Date(time);
  }

  #tell(change) {
    const before = this.state;
    this.state = { transport: null, error: null, status: null, ...change };
    const isSame = Object.entries(this.state).every(([key, value]) => before[key] === value);
    if (!isSame && !this.#isClosed) this.#onState(this.state);
  }

  #isOld() {
    const silentMs = performance.now() - this.heardAt;
    // A computer that sleeps may stop the one clock and not the other.
    const byClockMs = Date.now() - this.#heardByClock;
    if (byClockMs - silentMs > SLEPT_MS) {
      this.mayHaveSlept = true;
      return this.state.state === "live" || this.state.state === "polling";
    }
    const freshMs = FRESH_INTERVALS_MAX * this.#intervalMs + FETCH_MS_MAX;
    switch (this.state.state) {
      case "live":
        return silentMs > SILENCE_MS_MAX;
      case "polling":
        return silentMs > freshMs;
      default:
        return false;
    }
  }

  // Nobody knows any more whether the value is still true. A frozen tab runs no timer that could
  // say so later.
  #doubt = () => {
    if (this.state.state !== "live" && this.state.state !== "polling") return;
    this.#restart();
  };

  #restart = () => {
    this.#drop();
    if (this.state.state !== "down") this.#tell({ state: "reconnecting" });
    this.#reach();
  };

  #wake = () => {
    if (document.visibilityState !== "visible") return;
    if (this.#isOld()) this.#doubt();
    else if (!this.#stream) this.#restart();
  };
}
