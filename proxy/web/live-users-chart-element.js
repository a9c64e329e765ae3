// The element <live-users-chart>: how many users were live, over minutes, an hour, a day, a week or a month.
//
// Attributes in: src (where the proxy is; default: where this script came from), range ("5m", "15m", "1h", "24h",
// "7d", "30d", or "auto": a short one until an hour is known), compare ("yesterday", "last-week"), agent (the id of
// one agent; default: all), theme ("auto", "light", "dark"), fed (the page passes the frames of its own stream to
// takeFrame and takeState). Attribute out: state ("loading", "ready", "empty", "stale", "down"). Event:
// live-users-chart-change. It asks as whoever is signed in at the proxy, so it works on pages of the proxy's origin.

import { Link, proxyUrl } from "./live-users-link.js";
import { Crosshair } from "./live-users-chart-crosshair.js";
import { drawChart } from "./live-users-chart-draw.js";
import {
  COMPARISONS, Questions, RANGES, askComparison, askRange, compared, exportUrl, numbersOf, rangeFor,
  seemsYoung,
} from "./live-users-chart-history.js";
import { choice, label, showComparisons, showLegend, showNotes, showPeaks } from "./live-users-chart-legend.js";
import { parts, style } from "./live-users-chart-style.js";
import { wording } from "./live-users-wording.js";
import { byLanguage } from "./messages/chart.js";

const [RANGE_DEFAULT, AUTO] = ["24h", "auto"];
const FONT_PX = 16;
const TICK_MS = 1000;
/** A history that has not begun is asked for again, when something has changed, after so long. */
const BEGUN_MS = 1000;
/** Peaks that a stream goes on with are asked for again once one is too old, but no more often than this. */
const PEAKS_MS = 60_000;

let groups = 0;

export class LiveUsersChartElement extends HTMLElement {
  static observedAttributes = ["src", "range", "agent", "compare", "lang"];

  #root;
  /** Says a message, and what is wrong. */
  #t;
  #wording;
  #stage;
  #svg;
  #crosshair;
  #compare;
  /** The range that is shown; null until it is known which. */
  #range = null;
  /** Which is asked for while that is not known; each answer says where the history begins. */
  #guess = "1h";
  /** Whether the page's first frame, by which that is guessed, is still to come. */
  #isAwaiting = false;
  /** Where the history begins, as far as an hour tells. */
  #knownSince = null;
  #history = null;
  #comparison = null;
  #isBegun = false;
  #questions = new Questions();
  #ticker = null;
  #link = null;
  /** The address that the stream is of. */
  #linkSrc = null;
  /** Why the stream says nothing new, as a message or in words; null while it is up. */
  #linkError = null;
  #frameError = null;
  /** Whether the stream has told of each change since the history was asked for. */
  #isComplete = false;
  #drawing = 0;
  /** The server's clock: its time when something was last received. */
  #clock = { time: Date.now(), at: performance.now() };
  /** The last summary; null without a stream, so that no old number is drawn as the present one. */
  #frame = null;
  #resize = new ResizeObserver(() => this.#draw());

  constructor() {
    super();
    this.#root = this.attachShadow({ mode: "open" });
    this.#root.adoptedStyleSheets = [style];
    this.#root.append(...parts());
    this.#stage = this.#root.querySelector(".stage");
    this.#svg = this.#root.querySelector(".chart");
    this.#crosshair = new Crosshair(this.#root);
    const group = `range-${(groups += 1)}`;
    this.#root.querySelector("fieldset").append(...Object.keys(RANGES).map((key) => choice(key, group, () => (this.range = key))));
    this.#compare = this.#root.querySelector("select");
    this.#compare.addEventListener("change", () => (this.compare = this.#compare.value));
  }

  /** One of "5m", "15m", "1h", "24h", "7d", "30d": what is shown. */
  get range() {
    const range = this.getAttribute("range");
    if (range === AUTO) return this.#range ?? this.#guess;
    return Object.hasOwn(RANGES, range) ? range : RANGE_DEFAULT;
  }

  set range(range) {
    this.setAttribute("range", range);
  }

  /** One of "yesterday", "last-week", or "". */
  get compare() {
    const compare = this.getAttribute("compare");
    return Object.hasOwn(COMPARISONS, compare) ? compare : "";
  }

  set compare(compare) {
    if (compare) this.setAttribute("compare", compare);
    else this.removeAttribute("compare");
  }

  connectedCallback() {
    this.#resize.observe(this.#stage);
    document.addEventListener("visibilitychange", this.#wake);
    this.#isBegun = true;
    this.#isAwaiting = this.hasAttribute("fed") && this.#frame === null;
    this.#speak();
    this.#begin();
  }

  disconnectedCallback() {
    this.#isBegun = false;
    this.#resize.disconnect();
    document.removeEventListener("visibilitychange", this.#wake);
    this.#stop();
    this.#closeLink();
  }

  // Before it is connected, all attributes come one by one: the history is asked for once, behind them.
  attributeChangedCallback(name, before, after) {
    if (before === after || !this.#isBegun) return;
    if (name === "lang") this.#speak();
    this.#begin();
  }

  /** Takes the language that there is around it now; what is drawn again is in it. */
  #speak() {
    [this.#t, this.#wording] = wording(this, byLanguage);
    label(this.#root, this.#t);
  }

  /**
   * Takes a frame of the summary, whose numbers the line ends at. One that says that there are none, because the
   * proxy has lost the backend, makes the chart stale.
   */
  takeFrame(frame) {
    if (frame?.success === false) {
      this.#noteLive(() => (this.#frameError = frame.error ?? { key: "noNumbers" }), Date.parse(frame.last?.asOf));
      this.#awaitNoMore();
      return;
    }
    const agent = this.getAttribute("agent");
    const numbers = numbersOf(frame, agent);
    // What is passed once more is as old as it was.
    if (numbers === null || (frame === this.#frame && this.#frameError === null)) return;
    const before = numbersOf(this.#frame, agent);
    const hasChanged = before !== null && JSON.stringify(numbers) !== JSON.stringify(before);
    this.#frame = frame;
    this.#setClock(Date.parse(frame.asOf));
    this.#noteLive(() => (this.#frameError = null));
    this.#awaitNoMore();
    if (this.#history === null) return;
    this.#history.take(numbers, this.#now());
    if (this.#history.isEmpty && (hasChanged || (before === null && numbers.onTheLine > 0))) this.#askAgainIn(BEGUN_MS);
    this.#draw();
  }

  /**
   * Takes how the stream stands. What was missed while it was down is asked for.
   * @param {object} link
   * @param {string} link.state as of a `Link`: the stream says what is new if it is "live" or "polling"
   * @param {object | string | null} [link.error] why it does not: a message, as of a `Link`, or words for people
   * @param {number | null} [link.knownAt] until when the last frame was true, by `performance.now()`; default: now
   */
  takeState({ state, error = null, knownAt = null }) {
    const isLive = state === "live" || state === "polling";
    const at = this.#clock.time + (knownAt ?? performance.now()) - this.#clock.at;
    this.#noteLive(() => (this.#linkError = isLive ? null : error ?? { key: "interrupted" }), at);
    if (error !== null) this.#awaitNoMore();
  }

  #awaitNoMore() {
    if (!this.#isAwaiting || !this.#isBegun) return;
    this.#isAwaiting = false;
    if (seemsYoung(this.#frame)) this.#guess = "15m";
    if (this.#isAuto) this.#begin();
  }

  get #isLive() {
    return this.#linkError === null && this.#frameError === null;
  }

  /** Notes how the stream stands, and the server's time until which its numbers were known. */
  #noteLive(note, knownUntil = Number.NaN) {
    const wasLive = this.#isLive;
    const now = this.#now();
    note();
    if (this.#isLive === wasLive) return;
    this.#isComplete &&= this.#isLive;
    if (this.#isLive) {
      if (this.#isBegun) this.#begin();
      return;
    }
    // The clock stands there from now on.
    const until = Number.isNaN(knownUntil) ? now : Math.min(knownUntil, now);
    this.#clock = { time: until, at: this.#clock.at + until - this.#clock.time };
    if (this.#history !== null) this.#fail(this.#linkError ?? this.#frameError);
  }

  get #isAuto() {
    return this.getAttribute("range") === AUTO;
  }

  #begin() {
    this.#stop();
    if (!this.#isAuto) this.#range = this.range;
    this.#showRange();
    if (this.#history?.key !== this.#key()) {
      this.#history = this.#comparison = null;
      this.#say("loading", this.#t("loading"));
      this.#svg.replaceChildren();
    }
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
    this.#read();
    this.#readComparison();
  }

  #showRange() {
    const { range } = this;
    for (const input of this.#root.querySelectorAll("input")) input.checked = input.value === range;
    this.#stage.setAttribute("aria-label", this.#t("stage", { range: this.#t(range) }));
    showComparisons(this.#root, this.#t, this.range, this.compare);
    this.#openLink();
  }

  #stop() {
    clearInterval(this.#ticker);
    this.#questions.stop();
  }

  #wake = () => {
    if (document.visibilityState === "visible") this.#begin();
  };

  /** Of the minutes each change is drawn, so a stream is needed. */
  #openLink() {
    const isWanted = RANGES[this.range].step === "exact" && !this.hasAttribute("fed");
    const { href: src } = proxyUrl(this.getAttribute("src"));
    if (!isWanted || this.#linkSrc !== src) this.#closeLink();
    if (!isWanted || this.#link !== null) return;
    this.#linkSrc = src;
    this.#link = new Link({ src, path: "api/live-users/summary", onFrame: (frame) => this.takeFrame(frame),
      onState: ({ state, error }) => this.takeState({ state, error, knownAt: this.#link.heardAt }) });
  }

  // What the stream has said last is old from now on, and whether it was up says nothing of what comes.
  #closeLink() {
    if (this.#link === null) return;
    this.#link.close();
    this.#link = this.#frame = this.#linkError = this.#frameError = null;
  }

  #tick() {
    if (document.visibilityState !== "visible" || this.#history === null) return;
    const since = this.#knownSince ?? this.#history.since;
    if (this.#isAuto && since !== null) {
      const range = rangeFor(this.#now() - since);
      if (RANGES[range].spanMs > RANGES[this.range].spanMs) return this.#change(range);
    }
    if (!this.#history.isExact || !this.#isLive) return;
    if (this.#history.hasOldPeak(this.#now()) && this.#now() - this.#history.asked > PEAKS_MS) {
      this.#history.asked = this.#now();
      this.#isComplete = false;
      this.#read();
    }
    this.#draw();
  }

  #change(range) {
    this.#range = range;
    this.#begin();
  }

  #key() {
    return [this.getAttribute("src"), RANGES[this.range].asks, this.getAttribute("agent")].join(" ");
  }

  #setClock(time) {
    if (Number.isFinite(time)) this.#clock = { time, at: performance.now() };
  }

  /** The server's time; it stands while nobody says that nothing has changed. */
  #now() {
    return this.#clock.time + (this.#isLive ? performance.now() - this.#clock.at : 0);
  }

  #askAgainIn(ms) {
    if (document.visibilityState === "visible") this.#questions.askIn(ms, () => this.#read());
  }

  async #read() {
    if (this.#isAuto && this.#isAwaiting) return;
    const key = this.#key();
    // Steps that a stream goes on with are asked for once.
    const isKept = this.#history?.key === key && this.#history.isExact && !this.#history.isEmpty;
    if (isKept && this.#isComplete) {
      this.#drawNow();
      return this.#say("ready", "");
    }
    const answer = await this.#questions.ask("history", key, (signal) => askRange(this, this.range, signal));
    if (answer === null) return;
    if (answer.error === undefined) this.#take(Object.assign(answer.history, { key }));
    else this.#fail(answer.error);
    // It may be another range now.
    const { refreshMs } = RANGES[this.range];
    if (refreshMs !== undefined) this.#askAgainIn(refreshMs);
    else if (answer.error !== undefined) this.#askAgainIn(RANGES["1h"].refreshMs);
  }

  #take(history) {
    this.#setClock(history.to);
    if (this.#isAuto && this.#range === null) {
      this.#range = rangeFor(history.since === null ? 0 : history.to - history.since);
      this.#knownSince = history.since;
      // Of a system of which nothing is known yet there are no steps either.
      if (history.isEmpty) history.key = this.#key();
      else if (history.key !== this.#key()) return this.#begin();
      this.#showRange();
    }
    this.#history = history;
    this.#isComplete = this.#isLive;
    const numbers = numbersOf(this.#frame, this.getAttribute("agent"));
    if (numbers !== null && this.#isLive) history.take(numbers, this.#now());
    // Only a stream goes on with steps.
    if (history.isExact && !this.#isLive) this.#say("stale", "", this.#linkError ?? this.#frameError);
    else if (history.isEmpty) this.#say("empty", this.#t("empty"));
    else this.#say("ready", "");
    this.#drawNow();
    this.#readComparison();
  }

  #fail(error) {
    if (this.#history === null) this.#say("down", this.#t("down", { error: this.#wording(error) }), error);
    else this.#say("stale", "", error);
    this.#draw();
  }

  /** What was asked for is kept, and drawn while it is chosen. */
  get #shownComparison() {
    return this.#comparison !== null && this.#comparison.compare === this.#compare.value ? this.#comparison : null;
  }

  async #readComparison() {
    const compare = this.#compare.value;
    if (compare === "" || this.#history === null) return;
    const { agoMs } = COMPARISONS[compare];
    const { spanMs } = RANGES[this.range];
    const then = this.#now() - agoMs;
    const key = [this.getAttribute("src"), this.range, compare, this.getAttribute("agent")].join(" ");
    if (this.#comparison?.key === key && then < this.#comparison.until) return;
    // As long again as the range: it is asked for once until that is over. With `canCompare`, that is not in the future.
    const until = then + spanMs;
    const wanted = { from: then - spanMs, to: until };
    const answer = await this.#questions.ask("comparison", key, (signal) => askComparison(this, wanted, signal));
    if (answer?.history === undefined) return;
    const points = answer.history.spans();
    this.#comparison = { key, compare, until, agoMs, points };
    this.#draw();
  }

  #say(state, words, error = null) {
    const isChange = this.getAttribute("state") !== state || state === "ready";
    this.setAttribute("state", state);
    this.#root.querySelector(".words").textContent = words;
    if (!isChange) return;
    const { range } = this;
    const url = exportUrl(this, range, this.#history?.url ?? null);
    const detail = { state, range, agent: this.getAttribute("agent"), error: this.#wording(error), url };
    this.dispatchEvent(new CustomEvent("live-users-chart-change", { bubbles: true, composed: true, detail }));
  }

  /** Draws with the next picture of the screen, however much comes until then. */
  #draw() {
    if (this.#drawing !== 0) return;
    this.#drawing = requestAnimationFrame(() => {
      this.#drawing = 0;
      this.#drawNow();
    });
  }

  #drawNow() {
    const { clientWidth: width, clientHeight: height } = this.#stage;
    if (this.#history === null || width === 0 || height === 0) return;
    const font = Number.parseFloat(getComputedStyle(this.#stage).fontSize) / FONT_PX;
    const isStale = this.getAttribute("state") === "stale";
    // A line that nobody goes on with ends where it was last known.
    const now = isStale && this.#isLive ? this.#history.to : this.#now();
    const view = this.#history.view(RANGES[this.range], now);
    view.comparison = compared(this.#shownComparison, view);
    const drawn = drawChart(this.#svg, this.#t, view, width, height, font);
    this.#crosshair.show(this.#t, view, drawn);
    showLegend(this.#root, this.#t, view, drawn.isStacked);
    showPeaks(this.#root, this.#t, this.#history.peaks, this.#now());
    showNotes(this.#root, this.#t, view, isStale);
  }
}
