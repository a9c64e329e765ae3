// The figures at the top, the state of the link, and what is at the foot of the page.

import { translator } from "/live-users-language.js";

import { element, onTick, setText, showDoubt } from "./dom.js";
import { byLanguage } from "./messages/overview.js";
import { IS_TOTAL } from "./reading.js";
import { COMMA, NOTHING, age, ago, number, others, several, span } from "./format.js";

const t = translator(byLanguage);

/** By which a number is live. */
const TRANSPORTS = { websocket: "WebSocket", sse: "SSE" };

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
  #isDemo = document.querySelector("#demo") !== null;
  #epoch = null;

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
    const { upperBound = false, byAgent, lastHour, lastDay } = this.#store.summary;
    const line = others(this.#store.summary);
    const set = (name, text) => setText(this.#figures[name], text);
    set("users", number(liveUsers));
    showDoubt(this.#figures.users, number(liveUsers), publicSuspect > 0);
    // Nobody is counted twice in a sum of one.
    const bound = upperBound && liveUsers > 1 ? [element("span.bound", t("upperBound"))] : [];
    this.#figures.sureness.replaceChildren(...sureness(liveUsers, confirmed, suspect, line.length > 0), ...bound);
    this.#line.hidden = line.length === 0;
    if (this.#line.textContent !== line.join("")) this.#line.replaceChildren(...line.map((it) => element("li", it)));
    set("calls", number(liveCalls));
    set("agents", IS_TOTAL ? "" : busyWords(byAgent.filter((row) => row.liveCalls > 0)));
    this.#drawSpan("hour", lastHour);
    this.#drawSpan("day", lastDay);
    this.#tick();
    this.#drawUndelivered();
    this.#drawFoot();
    this.#followDemo();
    const live = publicSuspect > 0 ? t("usersUnsure", { n: liveUsers }) : t("usersLive", { n: liveUsers });
    const doubt = suspect > 0 ? [t("ofThemSuspect", { n: suspect })] : [];
    this.#announcer.say([live, ...doubt, ...line].join(COMMA));
  }

  /** Says beside the title whose numbers all of the page has; nothing where they are of all calls. */
  drawScope() {
    const { whose } = this.#store;
    this.#scope.hidden = whose.length === 0;
    setText(this.#scope, several(whose));
    this.#scope.title = whose.join(", ");
  }

  /** With another journal it is no demonstration any more, or another one: the page of before says what is not so. */
  #followDemo() {
    const { epoch } = this.#store.summary;
    if (this.#isDemo && this.#epoch !== null && epoch !== this.#epoch) location.reload();
    this.#epoch = epoch;
  }

  #drawSpan(name, numbers) {
    const calls = numbers?.calls ?? 0;
    setText(this.#figures[name], numbers ? number(calls) : NOTHING);
    setText(this.#figures[`${name}-average`], calls === 0 ? t("noneEnded") : t("average", { span: span(numbers.averageMs) }));
  }

  #tick() {
    const { summary, elapsedMs } = this.#store;
    if (summary === null) return;
    const ticking = (ms) => span(ms === null || ms === undefined ? null : ms + elapsedMs);
    setText(this.#figures.average, ticking(summary.averageMs));
    const isIdle = summary.longestMs === null || summary.longestMs === undefined;
    setText(this.#figures.longest, isIdle ? t("noCall") : t("longest", { span: ticking(summary.longestMs) }));
  }

  drawLink() {
    const { link, error, summary } = this.#store;
    const state = error !== null && link.state !== "reconnecting" ? "down" : link.state;
    this.#link.dataset.state = state;
    setText(this.#link, linkWords(state));
    this.#link.title = state === "live" ? t("by", { transport: TRANSPORTS[link.transport] }) : "";
    // What came with the page is new, while the link is opened for the first time.
    const isStale = summary !== null && !["live", "polling", "connecting"].includes(state);
    document.body.classList.toggle("is-stale", isStale);
    this.#drawNotice(state, error);
  }

  #drawNotice(state, error) {
    const isOver = document.body.matches(".is-over");
    this.#notice.hidden = state !== "down" && !isOver;
    if (isOver) return setText(this.#notice, t("over"));
    if (state !== "down") return;
    const { knownAt, last } = this.#store;
    const ageOf = (at) => age(performance.now() - at);
    const what = knownAt !== null
      ? t("old", { age: ageOf(knownAt), error })
      : last === null
        ? t("nothingYet", { error })
        : t("nothingNow", { n: last.liveUsers, age: ageOf(last.at), error });
    setText(this.#notice, what);
    this.#announcer.say(knownAt === null ? t("offlineEmptySaid") : t("offlineSaid"));
    if (this.#store.summary === null) tellNothingIsKnown();
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
    const { seesAll, summary: { referee, drift, asOf } } = this.#store;
    const parts = [];
    // Who is asked when webhooks are missing, and how that goes, is a matter of whoever runs this.
    if (referee && seesAll) parts.push(refereeWords(referee, Date.parse(asOf)));
    if (drift && seesAll) parts.push(t("corrected", { n: drift.healed }));
    const nodes = parts.map((text) => element("span", text));
    this.#foot.classList.toggle("has-trouble", referee?.state === "failing");
    if (this.#foot.textContent !== parts.join("")) this.#foot.replaceChildren(...nodes);
  }
}

/** Says where the numbers will stand that nothing is known: who opens the page during an outage waits for nothing. */
function tellNothingIsKnown() {
  const cards = document.querySelector("#cards");
  cards.hidden = true;
  cards.removeAttribute("aria-busy");
  const none = document.querySelector("#agents-none");
  none.hidden = false;
  for (const node of [none, document.querySelector("#places-empty")]) setText(node, t("nothingKnown"));
}

/** With how many agents there are calls; a number that no agent has is none. */
function busyWords(rows) {
  const agents = rows.filter((row) => row.agent).length;
  const named = t("agents", { n: agents });
  const numbers = t("unassigned", { n: rows.length - agents });
  if (rows.length === 0) return t("nobodyTalks");
  if (agents > 0 && rows.length > agents) return t("withBoth", { agents: named, numbers });
  return t("with", { what: agents > 0 ? named : numbers });
}

/** What is not delivered to somebody; null where all is. */
function deliveryWords({ pending, undelivered, failure }) {
  if (failure === undefined && undelivered === 0) return null;
  const counts = [];
  if (pending > 0) counts.push(t("pending", { n: pending }));
  if (undelivered > 0) counts.push(t("lost", { n: undelivered }));
  if (failure !== undefined) counts.push(t("lastFailed", { failure }));
  return counts.join(COMMA);
}

/** An agent is a link to its card, unless it has none any more. */
function recipient(to) {
  const [, kind, id, isGone] = /^(agent|hook) ([\w-]+)( \(not in the agents file\))?$/.exec(to) ?? [];
  if (id === undefined) return element("strong", to);
  if (kind === "hook") return element("strong", t("toHook", { id }));
  return isGone ? element("strong", t("toGoneAgent", { id })) : element("a", { href: `#agent-${id}` }, t("toAgent", { id }));
}

function sureness(liveUsers, confirmed, suspect, hasOthers) {
  if (suspect > 0) return [`${t("confirmed", { n: confirmed })}${COMMA}`, element("b.suspects", t("suspect", { n: suspect }))];
  return [liveUsers > 0 ? t("allConfirmed") : hasOthers ? t("nobodyWithAgent") : t("nobody")];
}

function linkWords(state) {
  switch (state) {
    case "live":
      return t("live");
    case "polling":
      return t("livePolling");
    case "reconnecting":
      return t("reconnecting");
    case "down":
      return t("offline");
    default:
      return t("connecting");
  }
}

function refereeWords({ state, lookedAt, failure, unlisted = 0 }, now) {
  const last = lookedAt ? ago(Math.max(0, now - Date.parse(lookedAt))) : null;
  let what;
  switch (state) {
    case "watching":
      what = last === null ? t("watching") : t("watchingLast", { ago: last });
      return unlisted > 0 ? t("unlisted", { what, n: unlisted }) : what;
    case "failing":
      what = last === null ? t("failing") : t("failingLast", { ago: last });
      return failure ? t("because", { what, failure }) : what;
    case "elsewhere":
      return t("elsewhere");
    default:
      return t("notAsked");
  }
}
