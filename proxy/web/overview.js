// The figures at the top, the state of the link, and what is at the foot of the page.

import { element, onTick, setText, showDoubt } from "./dom.js";
import { IS_TOTAL } from "./reading.js";
import { NOTHING, age, ago, counted, number, others, several, span } from "./format.js";

const TRANSPORTS = { websocket: "WebSocket", ws: "WebSocket", sse: "SSE", polling: "polling" };

export class Overview {
  #store;
  #announcer;
  #link = document.querySelector("#link");
  #notice = document.querySelector("#notice");
  #undelivered = document.querySelector("#undelivered");
  #foot = document.querySelector("#foot");
  #line = document.querySelector("#line");
  #scope = document.querySelector("#scope");
  #figures = {};

  constructor(store, announcer) {
    this.#store = store;
    this.#announcer = announcer;
    for (const node of document.querySelectorAll("[data-figure]")) this.#figures[node.dataset.figure] = node;
    onTick(() => {
      this.#tick();
      this.drawLink();
    });
  }

  draw() {
    const { liveUsers, liveCalls, suspect = 0, publicSuspect = 0, confirmed = 0 } = this.#store.summary;
    const { byAgent, lastHour, lastDay } = this.#store.summary;
    const line = others(this.#store.summary);
    const set = (name, text) => setText(this.#figures[name], text);
    set("users", number(liveUsers));
    showDoubt(this.#figures.users, number(liveUsers), publicSuspect > 0);
    this.#figures.sureness.replaceChildren(...sureness(liveUsers, confirmed, suspect, line.length > 0));
    this.#line.hidden = line.length === 0;
    if (this.#line.textContent !== line.join("")) this.#line.replaceChildren(...line.map((it) => element("li", it)));
    set("calls", number(liveCalls));
    set("agents", IS_TOTAL ? "" : busyWords(byAgent.filter((row) => row.liveCalls > 0)));
    this.#drawSpan("hour", lastHour);
    this.#drawSpan("day", lastDay);
    this.#tick();
    this.#drawUndelivered();
    this.#drawFoot();
    const doubt = suspect > 0 ? `, ${number(suspect)} of them suspect` : "";
    const about = publicSuspect > 0 ? "about " : "";
    this.#announcer.say([`${about}${counted(liveUsers, "user")} live${doubt}`, ...line].join(", "));
  }

  /** Says beside the title whose numbers all of the page has; nothing where they are of all calls. */
  drawScope() {
    const { whose } = this.#store;
    this.#scope.hidden = whose.length === 0;
    setText(this.#scope, several(whose));
    this.#scope.title = whose.join(", ");
  }

  #drawSpan(name, numbers) {
    const calls = numbers?.calls ?? 0;
    setText(this.#figures[name], numbers ? number(calls) : NOTHING);
    setText(this.#figures[`${name}-average`], calls === 0 ? "none ended yet" : `${span(numbers.averageMs)} on average`);
  }

  #tick() {
    const { summary, elapsedMs } = this.#store;
    if (summary === null) return;
    const ticking = (ms) => span(ms === null || ms === undefined ? null : ms + elapsedMs);
    setText(this.#figures.average, ticking(summary.averageMs));
    const isIdle = summary.longestMs === null || summary.longestMs === undefined;
    setText(this.#figures.longest, isIdle ? "no call" : `longest ${ticking(summary.longestMs)}`);
  }

  drawLink() {
    const { link, error, summary } = this.#store;
    const state = error !== null && link.state !== "reconnecting" ? "down" : link.state;
    this.#link.dataset.state = state;
    setText(this.#link, linkWords(state));
    this.#link.title = state === "live" ? `by ${TRANSPORTS[link.transport] ?? link.transport ?? "link"}` : "";
    // What came with the page is new, while the link is opened for the first time.
    const isStale = summary !== null && !["live", "polling", "connecting"].includes(state);
    document.body.classList.toggle("is-stale", isStale);
    this.#drawNotice(state, error);
  }

  #drawNotice(state, error) {
    const isOver = document.body.matches(".is-over");
    this.#notice.hidden = state !== "down" && !isOver;
    if (isOver) return setText(this.#notice, "This link was revoked, or its time is over.");
    if (state !== "down") return;
    const { knownAt, last } = this.#store;
    const ageOf = (at) => age(performance.now() - at);
    const what = knownAt !== null
      ? `What is shown is ${ageOf(knownAt)} old`
      : last === null
        ? "There is nothing to show yet"
        : `There is nothing to show now; ${ageOf(last.at)} ago it was ${counted(last.liveUsers, "user")} live`;
    setText(this.#notice, `${what}: ${error ?? "the server cannot be reached"}. Trying again.`);
    this.#announcer.say("Offline. What is shown is old.");
  }

  /** Where somebody waits for what cannot be delivered, that stands at the top, with a way to what helps. */
  #drawUndelivered() {
    const all = (this.#store.summary.deliveries ?? []).map((it) => [it.to, deliveryWords(it)]);
    const failing = all.filter(([, text]) => text !== null);
    this.#undelivered.hidden = failing.length === 0;
    const list = this.#undelivered.querySelector("ul");
    const seen = failing.join("\n");
    if (list.dataset.seen === seen) return;
    list.dataset.seen = seen;
    list.replaceChildren(...failing.map(([to, text]) => element("li", recipient(to), `: ${text}`)));
  }

  #drawFoot() {
    const { isOfSomeAccounts, summary: { referee, drift, asOf } } = this.#store;
    const parts = [];
    // Who is asked when webhooks are missing, and how that goes, is not told of some accounts.
    if (referee && !isOfSomeAccounts) parts.push(refereeWords(referee, Date.parse(asOf)));
    if (drift && !isOfSomeAccounts) parts.push(`${counted(drift.healed, "call")} corrected`);
    const nodes = parts.map((text) => element("span", text));
    this.#foot.classList.toggle("has-trouble", referee?.state === "failing");
    if (this.#foot.textContent !== parts.join("")) this.#foot.replaceChildren(...nodes);
  }
}

/** With how many agents there are calls; a number that no agent has is none. */
function busyWords(rows) {
  const agents = rows.filter((row) => row.agent !== null).length;
  const parts = [];
  if (agents > 0) parts.push(counted(agents, "agent"));
  if (rows.length > agents) parts.push(counted(rows.length - agents, "unassigned number"));
  return parts.length === 0 ? "nobody is talking" : `with ${parts.join(" and ")}`;
}

/** What is not delivered to somebody; null where all is. */
function deliveryWords({ pending, undelivered, failure }) {
  if (failure === undefined && undelivered === 0) return null;
  const counts = [];
  if (pending > 0) counts.push(`${number(pending)} waiting`);
  if (undelivered > 0) counts.push(`${number(undelivered)} lost since the start`);
  if (failure !== undefined) counts.push(`the last try failed (${failure})`);
  return counts.join(", ");
}

/** An agent is a link to its card. */
function recipient(to) {
  const [, id] = /^agent ([\w-]+)$/.exec(to) ?? [];
  return id === undefined ? element("strong", to) : element("a", { href: `#agent-${id}` }, to);
}

function sureness(liveUsers, confirmed, suspect, hasOthers) {
  if (suspect > 0) return [`${number(confirmed)} confirmed, `, element("b.suspects", `${number(suspect)} suspect`)];
  return [liveUsers > 0 ? "all confirmed" : hasOthers ? "nobody with an agent" : "nobody on the line"];
}

function linkWords(state) {
  switch (state) {
    case "live":
      return "Live";
    case "polling":
      return "Live, every few seconds";
    case "reconnecting":
      return "Reconnecting";
    case "down":
      return "Offline";
    default:
      return "Connecting";
  }
}

function refereeWords({ state, lookedAt, failure, unlisted = 0 }, now) {
  const looked = lookedAt ? `, last ${ago(Math.max(0, now - Date.parse(lookedAt)))}` : "";
  switch (state) {
    case "watching":
      return `Twilio is asked too${looked}${unlisted > 0 ? `. Not counted: ${counted(unlisted, "call")} on unassigned numbers` : ""}`;
    case "failing":
      return `Twilio does not answer${looked}${failure ? `: ${failure}` : ""}`;
    case "elsewhere":
      return "Another replica asks Twilio";
    default:
      return "Twilio is not asked when webhooks are missing: set TWILIO_ACCOUNT_SID";
  }
}
