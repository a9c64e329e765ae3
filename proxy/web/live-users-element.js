// The element <live-users>: how many users are live, or that nobody knows just now.
//
// Attributes in: src (where the proxy is; default: where this script came from), agent (the id of one agent
// whose number is public; default: all), interval (seconds between two polls, where nothing better is
// possible; default 5, from 1 to 3600) and summary (on pages of the proxy itself: the number of what the
// person who is signed in sees). Attributes out: state ("connecting", "live", "unsure", "down"), count (only
// while live or unsure) and transport ("websocket", "sse", "polling"; only while there is a link). Event:
// live-users-change.
//
// It speaks the language of the nearest attribute `lang`, its own or around it, else one that the browser prefers,
// else English. A change of its own `lang` takes effect at once.

import { SUMMARY, TOTAL, subscribe } from "./live-users-count.js";
import { proxyUrl } from "./live-users-link.js";
import { wording } from "./live-users-wording.js";
import { byLanguage } from "./messages/element.js";

const INTERVAL_S_DEFAULT = 5;
const INTERVAL_S_MIN = 1;
const INTERVAL_S_MAX = 3600; // a far longer one would overflow setTimeout and fire at once
const AGE_TICK_MS = 1000;

const style = new CSSStyleSheet();
style.replaceSync(`
  :host {
    display: inline-flex;
    align-items: flex-start;
    gap: var(--live-users-gap, 0.55em);
    color: var(--live-users-color, inherit);
    font-family: var(--live-users-font, inherit);
    font-variant-numeric: tabular-nums;
  }
  :host([hidden]) { display: none; }
  .dot {
    --size: var(--live-users-dot-size, 0.6em);
    position: relative;
    flex: none;
    width: var(--size);
    height: var(--size);
    margin-top: calc((1lh - var(--size)) / 2); /* the middle of the first line */
    border-radius: 50%;
    background: var(--live-users-dot-quiet, #8b8d94);
    forced-color-adjust: none;
  }
  :host([state="live"]) .dot { background: var(--live-users-dot-live, #16a34a); }
  /* A ring, so that it differs by more than its colour. */
  :host([state="unsure"]) .dot {
    box-sizing: border-box;
    border: calc(var(--size) / 4) solid var(--live-users-dot-unsure, #d97706);
    background: transparent;
  }
  :host([state="live"]) .dot::after {
    content: "";
    position: absolute;
    inset: 0;
    border-radius: inherit;
    background: inherit;
    animation: pulse 2s ease-out infinite;
  }
  :host(:not([state="live"], [state="unsure"])) .text, .age {
    color: var(--live-users-quiet, color-mix(in srgb, currentcolor 72%, transparent));
  }
  .words { position: relative; align-self: baseline; }
  .text, .age { display: inline-block; }
  .age { font-weight: normal; }
  .age:empty { display: none; }
  /* For whoever listens to the page: why there is no number. */
  .reason {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  @keyframes pulse {
    from { transform: scale(1); opacity: 0.6; }
    70%, to { transform: scale(2.4); opacity: 0; }
  }
  @media (prefers-reduced-motion: reduce) {
    :host([state="live"]) .dot::after { animation: none; display: none; }
  }
`);

/** What is wrong with the element itself, as a message of its section. */
const AGENT_EMPTY = { key: "agentEmpty" };
const SRC_WRONG = { key: "srcWrong" };

// Made by the DOM's own functions: pages that require Trusted Types refuse HTML in a text.
function span(name, attributes) {
  const made = document.createElement("span");
  made.className = name;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

export class LiveUsersElement extends HTMLElement {
  static observedAttributes = ["src", "agent", "interval", "summary", "lang"];

  #text;
  #age;
  #reason;
  #unsubscribe = null;
  #ticker;
  #snapshot = null;
  #first = document.createElement("slot");
  /** Says a message, and what is wrong. */
  #t;
  #wording;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [style];
    this.#text = span("text", { part: "text", role: "status", "aria-live": "polite" });
    // What the page says of a number that came with it stands there until one is known.
    this.#first.name = "first";
    this.#text.append(this.#first);
    this.#age = span("age", { part: "age" });
    this.#reason = span("reason", {});
    const words = span("words", {});
    words.append(this.#text, " ", this.#age, " ", this.#reason);
    root.append(span("dot", { part: "dot", "aria-hidden": "true" }), words);
  }

  connectedCallback() {
    this.#speak();
    this.#start();
  }

  disconnectedCallback() {
    this.#stop();
  }

  attributeChangedCallback(name, before, after) {
    if (before === after || !this.#unsubscribe) return;
    if (name === "lang") {
      this.#speak();
      this.#showWords();
      return;
    }
    this.#stop();
    this.#start();
  }

  #start() {
    const src = addressOf(this.getAttribute("src"));
    const path = this.hasAttribute("summary") ? SUMMARY : TOTAL;
    const agent = path === TOTAL ? this.getAttribute("agent")?.trim() ?? null : null;
    // A template that has left it out would show the number of all for that of one.
    if (src && agent !== "") {
      const interval = intervalMs(this.getAttribute("interval"));
      this.#unsubscribe = subscribe(src, path, agent, interval, this.#show);
      return;
    }
    this.#unsubscribe = () => {};
    const error = src ? AGENT_EMPTY : SRC_WRONG;
    const nothing = { liveUsers: null, suspect: null, lastLiveUsers: null, asOf: null, transport: null };
    this.#show({ state: "down", error, ...nothing });
  }

  #stop() {
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    clearInterval(this.#ticker);
  }

  /** Takes the language that there is around it now. */
  #speak() {
    [this.#t, this.#wording] = wording(this, byLanguage);
    this.#first.textContent = this.#t("connecting");
  }

  #show = (snapshot) => {
    const before = this.#snapshot;
    this.#snapshot = snapshot;
    const { state, liveUsers, suspect, asOf, transport } = snapshot;
    const error = this.#wording(snapshot.error);
    this.setAttribute("state", state);
    if (liveUsers !== null) this.setAttribute("count", liveUsers);
    else this.removeAttribute("count");
    if (transport) this.setAttribute("transport", transport);
    else this.removeAttribute("transport");
    this.#showWords();
    clearInterval(this.#ticker);
    if (liveUsers === null && asOf) {
      this.#ticker = setInterval(() => this.#showAge(), AGE_TICK_MS);
    }
    const isChange =
      state !== before?.state ||
      liveUsers !== before.liveUsers ||
      suspect !== before.suspect ||
      snapshot.error !== before.error ||
      (liveUsers !== null && transport !== before.transport);
    if (isChange) {
      const detail = { state, liveUsers, suspect, asOf, error, transport };
      const options = { bubbles: true, composed: true, detail };
      this.dispatchEvent(new CustomEvent("live-users-change", options));
    }
  };

  #showWords() {
    const { state, suspect, error } = this.#snapshot;
    this.#reason.textContent = this.#wording(error) ?? (state === "unsure" ? this.#t("silent", { n: suspect }) : "");
    this.#showText(this.#words());
    this.#showAge();
  }

  #words() {
    const { state, liveUsers } = this.#snapshot;
    switch (state) {
      case "live":
        return this.#t("live", { n: liveUsers });
      case "unsure":
        return this.#t("unsure", { n: liveUsers });
      case "connecting":
        return this.#t("connecting");
      default:
        return this.#t("unavailable");
    }
  }

  // Written only when it differs: each write may be read out.
  #showText(text) {
    if (this.#text.textContent !== text) this.#text.textContent = text;
  }

  #showAge() {
    const { liveUsers, lastLiveUsers, knownAt, isLeast } = this.#snapshot;
    const isOld = liveUsers === null && lastLiveUsers !== null && typeof knownAt === "number";
    const was = () => {
      const values = { n: lastLiveUsers, age: this.#ageOf(performance.now() - knownAt) };
      return isLeast ? this.#t("wasOrMore", values) : this.#t("was", values);
    };
    const text = isOld ? was() : "";
    if (this.#age.textContent !== text) this.#age.textContent = text;
  }

  #ageOf(ms) {
    const s = Math.max(0, Math.round(ms / 1000));
    if (s < 60) return this.#t("s", { n: s });
    if (s < 3600) return this.#t("min", { n: Math.floor(s / 60) });
    if (s < 86_400) return this.#t("h", { n: Math.floor(s / 3600) });
    return this.#t("d", { n: Math.floor(s / 86_400) });
  }
}

/** Where the proxy is; null if that is no address. */
function addressOf(src) {
  try {
    return proxyUrl(src);
  } catch {
    return null;
  }
}

function intervalMs(text) {
  const s = Number.parseFloat(text);
  if (!Number.isFinite(s)) return 1000 * INTERVAL_S_DEFAULT;
  return 1000 * Math.min(INTERVAL_S_MAX, Math.max(INTERVAL_S_MIN, s));
}
