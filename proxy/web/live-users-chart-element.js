// The element <live-users-chart>: how many users were live, over an hour, a day, a week or a month.
//
// Attributes in: src (where the proxy is; default: where this script came from), range ("1h", "24h",
// "7d", "30d"), agent (the id of one agent; default: all), theme ("auto", "light", "dark"). Attribute
// out: state ("loading", "ready", "empty", "stale", "down"). Event: live-users-chart-change. It asks
// as whoever is signed in at the proxy, so it works on pages of the proxy's own origin.

import { Crosshair } from "./live-users-chart-crosshair.js";
import { drawChart } from "./live-users-chart-draw.js";
import { peakLabel } from "./live-users-chart-scale.js";
import { parts, style } from "./live-users-chart-style.js";

const RANGES = {
  "1h": { words: "last hour", step: "1m", refreshMs: 10_000 },
  "24h": { words: "last 24 hours", step: "15m", refreshMs: 60_000 },
  "7d": { words: "last 7 days", step: "1h", refreshMs: 60_000 },
  "30d": { words: "last 30 days", step: "1h", refreshMs: 60_000 },
};
const RANGE_DEFAULT = "24h";
const PEAKS = { hour: "Hour’s peak", day: "Day’s peak", week: "Week’s peak", month: "Month’s peak", ever: "Peak ever" };
const TIMEOUT_MS = 10_000;
// Hours and days begin by the reader's clock.
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const FONT_PX = 16;

let groups = 0;

export class LiveUsersChartElement extends HTMLElement {
  static observedAttributes = ["src", "range", "agent"];

  #root;
  #stage;
  #svg;
  #crosshair;
  #history = null;
  #request = null;
  #timer = null;
  #isStarted = false;
  #resize = new ResizeObserver(() => this.#draw());

  constructor() {
    super();
    this.#root = this.attachShadow({ mode: "open" });
    this.#root.adoptedStyleSheets = [style];
    this.#root.append(...parts());
    this.#stage = this.#root.querySelector(".stage");
    this.#svg = this.#root.querySelector("svg");
    this.#crosshair = new Crosshair(this.#root);
    const group = `range-${(groups += 1)}`;
    this.#root.querySelector("fieldset").append(...Object.keys(RANGES).map((key) => this.#choice(key, group)));
  }

  /** One of "1h", "24h", "7d", "30d". */
  get range() {
    const range = this.getAttribute("range");
    return Object.hasOwn(RANGES, range) ? range : RANGE_DEFAULT;
  }

  set range(range) {
    this.setAttribute("range", range);
  }

  connectedCallback() {
    this.#resize.observe(this.#stage);
    document.addEventListener("visibilitychange", this.#wake);
    this.#isStarted = true;
    this.#begin();
  }

  disconnectedCallback() {
    this.#isStarted = false;
    this.#resize.disconnect();
    document.removeEventListener("visibilitychange", this.#wake);
    this.#stop();
  }

  attributeChangedCallback(_name, before, after) {
    // An element of the page's HTML is told its attributes first: it asks once, when it begins.
    if (before !== after && this.#isStarted) this.#begin();
  }

  #choice(key, group) {
    const label = document.createElement("label");
    label.className = "choice";
    const input = Object.assign(document.createElement("input"), { type: "radio", name: group, value: key });
    const text = Object.assign(document.createElement("span"), { textContent: key.replace(/(\d+)/, "$1 ") });
    input.setAttribute("aria-label", RANGES[key].words);
    input.addEventListener("change", () => (this.range = key));
    label.append(input, text);
    return label;
  }

  #begin() {
    this.#stop();
    for (const input of this.#root.querySelectorAll("input")) input.checked = input.value === this.range;
    this.#stage.setAttribute("aria-label", `Live users, ${RANGES[this.range].words}`);
    if (this.#history?.key !== this.#key()) {
      this.#history = null;
      this.#say("loading", "Loading the history …");
      this.#svg.replaceChildren();
    }
    this.#read();
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#request?.abort();
    this.#request = null;
  }

  #wake = () => {
    if (document.visibilityState === "visible") this.#begin();
  };

  #key() {
    return [this.getAttribute("src"), this.range, this.getAttribute("agent")].join(" ");
  }

  async #read() {
    const request = new AbortController();
    this.#request = request;
    const { refreshMs } = RANGES[this.range];
    const key = this.#key();
    let answer = await ask(historyUrl(this, ZONE), request.signal);
    // The server does not know the zone, or no longer keeps what its hours are made of.
    if (answer.field === "tz") answer = await ask(historyUrl(this), request.signal);
    if (this.#request !== request) return;
    this.#request = null;
    if (answer.error === undefined) this.#take({ ...answer, key });
    else this.#fail(answer.error);
    if (document.visibilityState === "visible") this.#timer = setTimeout(() => this.#read(), refreshMs);
  }

  #take(history) {
    this.#history = history;
    const isEmpty = history.points.every((point) => point.mean === null);
    this.#showPeaks(history.peaks);
    this.#draw();
    if (isEmpty) this.#say("empty", `Nothing is known of the ${RANGES[this.range].words} yet.`);
    else this.#say("ready", "");
  }

  #fail(error) {
    if (this.#history === null) this.#say("down", `The history cannot be shown: ${error}.`, error);
    else this.#say("stale", "", error);
  }

  #say(state, words, error = null) {
    const isChange = this.getAttribute("state") !== state || state === "ready";
    this.setAttribute("state", state);
    this.#root.querySelector(".words").textContent = words;
    if (!isChange) return;
    const detail = { state, range: this.range, agent: this.getAttribute("agent"), error };
    this.dispatchEvent(new CustomEvent("live-users-chart-change", { bubbles: true, composed: true, detail }));
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#stage;
    if (this.#history === null || width === 0 || height === 0) return;
    const font = Number.parseFloat(getComputedStyle(this.#stage).fontSize) / FONT_PX;
    this.#crosshair.show(this.#history, drawChart(this.#svg, this.#history, width, height, font));
  }

  #showPeaks(peaks) {
    const line = (tag, ...content) => {
      const made = document.createElement(tag);
      made.append(...content);
      return made;
    };
    const rows = Object.entries(PEAKS).filter(([key]) => peaks?.[key]).map(([key, name]) => {
      const { at, liveUsers } = peaks[key];
      const when = line("span", peakLabel(Date.parse(at), Date.now()));
      return line("div", line("dt", name), line("dd", String(liveUsers), when));
    });
    this.#root.querySelector(".peaks").replaceChildren(...rows);
  }
}

function historyUrl(element, zone) {
  const src = element.getAttribute("src");
  const base = src === null ? new URL(".", import.meta.url) : new URL(src, document.baseURI);
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  const url = new URL("api/live-users/history", base);
  url.searchParams.set("from", `-${element.range}`);
  url.searchParams.set("step", RANGES[element.range].step);
  const agent = element.getAttribute("agent");
  if (agent) url.searchParams.set("agent", agent);
  if (zone) url.searchParams.set("tz", zone);
  return url;
}

async function ask(url, signal) {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const options = { cache: "no-store", credentials: "same-origin", signal: AbortSignal.any([signal, timeout]) };
    const response = await fetch(url, options);
    const body = await response.json().catch(() => null);
    if (!response.ok || body?.success !== true || !Array.isArray(body.points)) {
      if (response.status === 401) return { error: "nobody is signed in" };
      return { error: body?.error ?? `the answer was ${response.status}`, field: body?.field };
    }
    const points = body.points.map((point) => ({ ...point, at: Date.parse(point.at) }));
    return { points, from: Date.parse(body.from), to: Date.parse(body.to), stepMs: body.stepMs, peaks: body.peaks };
  } catch {
    return { error: timeout.aborted ? "no answer in time" : "the server cannot be reached" };
  }
}
