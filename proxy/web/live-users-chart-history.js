// A history for <live-users-chart>: asked for at the proxy, and kept up with what a stream says.

import { proxyUrl } from "./live-users-link.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const TIMEOUT_MS = 10_000;
// Hours and days begin by the reader's clock.
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
/** How far back steps are kept here, as in the backend. */
const STEPS_KEPT_MS = 16 * MINUTE_MS;

/** The ranges: what is asked for, how often, and how little of it is still a picture. Each key is a message too. */
export const RANGES = {
  "5m": { spanMs: 5 * MINUTE_MS, asks: "15m", step: "exact", leastMs: MINUTE_MS },
  "15m": { spanMs: 15 * MINUTE_MS, asks: "15m", step: "exact", leastMs: MINUTE_MS },
  "1h": { spanMs: HOUR_MS, asks: "1h", step: "1m", refreshMs: 10_000, leastMs: 10 * MINUTE_MS },
  "24h": { spanMs: DAY_MS, asks: "24h", step: "15m", refreshMs: 60_000, leastMs: HOUR_MS },
  "7d": { spanMs: 7 * DAY_MS, asks: "7d", step: "1h", refreshMs: 60_000, leastMs: 8 * HOUR_MS },
  "30d": { spanMs: 30 * DAY_MS, asks: "30d", step: "1h", refreshMs: 60_000, leastMs: DAY_MS },
};

/** What a range may be compared with, and how long ago that was. Each key is a message too. */
export const COMPARISONS = {
  "yesterday": { agoMs: DAY_MS },
  "last-week": { agoMs: 7 * DAY_MS },
};

/** How far back a peak may lie; one of all time does not end. */
const PEAK_WINDOWS_MS = { hour: HOUR_MS, day: DAY_MS, week: 7 * DAY_MS, month: 30 * DAY_MS };

/** Who is on the line, in the order in which they are stacked, so that the live users end at a border. */
export const PARTIES = ["withAgent", "withPerson", "waiting", "machine"];

/** The range to begin with while nobody has chosen: as long as the history, until an hour is known. */
export function rangeFor(knownMs) {
  if (knownMs < 5 * MINUTE_MS) return "5m";
  return knownMs < HOUR_MS ? "15m" : "1h";
}

/** Whether a history has begun within the last hour, as far as a frame of the summary lets one guess. */
export function seemsYoung(frame) {
  const { liveCalls = 0, longestMs, lastHour, lastDay } = frame ?? {};
  const calls = lastHour?.calls ?? 0;
  return liveCalls + calls > 0 && calls === (lastDay?.calls ?? 0) && (longestMs ?? 0) < HOUR_MS;
}

/** Whether this range can be compared with that: a time must not reach into what it is compared with. */
export function canCompare(range, comparison) {
  return RANGES[range].spanMs <= COMPARISONS[comparison].agoMs;
}

/** The numbers of a frame of a stream, of one agent or of all; null if it has none. */
export function numbersOf(frame, agent) {
  if (!Array.isArray(frame?.byAgent)) return null;
  const row = agent ? frame.byAgent.find((it) => it.agent === agent) ?? { liveUsers: 0 } : frame;
  return { ...row, withAgent: row.withAgent ?? row.liveUsers };
}

export class History {
  constructor(body) {
    const { since, present, to, asOf = to } = body;
    this.isExact = Array.isArray(body.steps);
    this.stepMs = body.stepMs;
    this.peaks = body.peaks;
    this.to = this.asked = Date.parse(asOf) || Date.parse(to);
    this.points = this.isExact ? body.steps.map((it) => stood(Date.parse(it.at), it)) : body.points.map(averaged);
    this.present = present ? stood(Date.parse(present.at), present) : null;
    const first = this.points.find((point) => point.mean !== null)?.at ?? null;
    this.since = since ? Date.parse(since) : first;
  }

  get isEmpty() {
    return this.points.every((point) => point.mean === null);
  }

  /** Takes in numbers that are so from this moment on. */
  take(numbers, at) {
    const before = this.present?.mean ?? 0;
    this.present = stood(at, numbers);
    this.to = Math.max(this.to, at);
    this.#raisePeaks(before, at);
    if (this.isEmpty) return;
    if (!this.isExact) return this.#widenLast(at);
    const last = this.points.at(-1);
    if (last.mean === this.present.mean && PARTIES.every((party) => last[party] === this.present[party])) return;
    this.points.push({ ...this.present, at: Math.max(at, last.at) });
    const kept = this.points.findIndex((_, place) => (this.points[place + 1]?.at ?? Infinity) > at - STEPS_KEPT_MS);
    this.points.splice(0, kept);
  }

  /** A number above a peak is a new one, and of equal peaks the last counts. */
  #raisePeaks(before, at) {
    const liveUsers = this.present.mean;
    for (const [key, peak] of Object.entries(this.peaks ?? {})) {
      const most = peak?.liveUsers ?? 0;
      const isReached = liveUsers > most || (liveUsers === most && liveUsers > before);
      if (isReached) this.peaks[key] = { at: new Date(at).toISOString(), liveUsers };
    }
  }

  /** The step that is not over holds the present number too. */
  #widenLast(at) {
    const last = this.points.at(-1);
    const { mean: users, most } = this.present;
    if (last.mean === null || at < last.at || at >= last.at + this.stepMs) return;
    Object.assign(last, { min: Math.min(last.min, users), max: Math.max(last.max, users), most: Math.max(last.most, most) });
  }

  /** Whether a peak lies before what it is the peak of. */
  hasOldPeak(now) {
    return Object.entries(PEAK_WINDOWS_MS).some(([key, ms]) => Date.parse(this.peaks?.[key]?.at) < now - ms);
  }

  /** The points with their ends: a step of averages begins where data begins, and ends with what is known. */
  spans(to = Infinity) {
    return this.points.map((point, place) => {
      if (this.isExact) return { ...point, end: this.points[place + 1]?.at ?? to };
      const end = point.at + this.stepMs;
      const isFirst = this.since !== null && point.at <= this.since && this.since < end;
      return { ...point, at: isFirst ? this.since : point.at, end: Math.min(end, Math.max(to, point.at)), isFirst };
    });
  }

  /** What is drawn of a range that ends at this moment: no longer than something is known. */
  view({ spanMs, leastMs }, now) {
    const to = Math.max(now, this.to);
    const whole = this.isExact ? to - spanMs : Math.floor((to - spanMs) / this.stepMs) * this.stepMs;
    const from = Math.max(whole, Math.min(this.since ?? to, to - leastMs));
    const points = [];
    for (const [place, point] of this.spans(to).entries()) {
      const isLast = place === this.points.length - 1;
      // What was so when it was asked for is so until a frame says something else.
      const reachesNow = isLast && (this.isExact || point.end >= this.asked);
      if (point.end > from || (this.isExact && isLast)) points.push({ ...point, at: Math.max(point.at, from), reachesNow });
    }
    const hasBegun = from > whole && this.since !== null;
    const { isExact, stepMs, present } = this;
    return { points, from, to, isExact, stepMs, present, since: hasBegun ? Math.max(this.since, whole) : null };
  }
}

/** What a range is compared with, as if it were now: only what falls into the view. */
export function compared(comparison, { from, to }) {
  if (comparison === null) return null;
  const { agoMs } = comparison;
  const moved = comparison.points.map((point) => ({ ...point, at: point.at + agoMs, end: point.end + agoMs }));
  const points = moved.filter((point) => point.end > from && point.at < to);
  return { ...comparison, points, isEmpty: points.every((point) => point.mean === null) };
}

/** A point of numbers that stood. */
function stood(at, { liveUsers, withAgent = liveUsers, waiting = 0, withPerson = 0, machine = 0 }) {
  const onTheLine = withAgent + waiting + withPerson + machine;
  const most = Math.max(liveUsers, onTheLine);
  return { at, min: liveUsers, max: liveUsers, mean: liveUsers, most, withAgent, waiting, withPerson, machine };
}

/** A point of averages. */
function averaged({ at, min, max, mean, onTheLine, ...parties }) {
  const point = { at: Date.parse(at), min, max, mean, most: max === null ? null : Math.max(max, onTheLine?.max ?? 0) };
  for (const party of PARTIES) point[party] = parties[party]?.mean ?? (party === "withAgent" ? mean : 0);
  return point;
}

/** Asks for the history of a range. */
export function askRange(element, range, signal) {
  const { asks, step } = RANGES[range];
  if (step === "exact") return ask(historyUrl(element, { from: `-${asks}`, step }), signal);
  return askInZone(element, { from: `-${asks}`, step }, signal);
}

/**
 * The address of what is shown of a range, as CSV: its agent, its step, and its zone.
 * @param {URL | null} answered the address that the history is from, which has a zone if the server takes it; null
 *   while there is no history
 */
export function exportUrl(element, range, answered) {
  const { step } = RANGES[range];
  const isInZone = step !== "exact" && (answered === null || answered.searchParams.has("tz"));
  const url = historyUrl(element, { from: `-${range}`, step }, isInZone ? ZONE : undefined);
  url.searchParams.set("format", "csv");
  return url.href;
}

/** Asks for what a range is compared with, between two moments. */
export function askComparison(element, { from, to }, signal) {
  const at = (ms) => new Date(ms).toISOString();
  return askInZone(element, { from: at(from), to: at(to) }, signal);
}

async function askInZone(element, parameters, signal) {
  const answer = await ask(historyUrl(element, parameters, ZONE), signal);
  // The server does not know the zone, or no longer keeps what its hours are made of.
  return answer.field === "tz" ? ask(historyUrl(element, parameters), signal) : answer;
}

function historyUrl(element, parameters, zone) {
  const url = new URL("api/live-users/history", proxyUrl(element.getAttribute("src")));
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
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
      if (response.status === 401) return { error: { key: "notSignedIn" } };
      const status = { key: "status", values: { status: String(response.status) } };
      return { error: body?.error ?? status, field: body?.field };
    }
    return { history: Object.assign(new History(body), { url }) };
  } catch {
    return { error: { key: timeout.aborted ? "late" : "unreachable" } };
  }
}

/** Asks for several things, for each one at a time. */
export class Questions {
  /** What is asked for: { key, abort }. */
  #asked = new Map();
  #timer = null;
  #dueAt = Infinity;

  /** Runs this after so long. Of several the soonest counts, so that what goes on all the time puts no question off. */
  askIn(ms, run) {
    const dueAt = performance.now() + ms;
    if (dueAt >= this.#dueAt) return;
    clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => {
      this.#dueAt = Infinity;
      run();
    }, ms);
  }

  /** Asks, unless the same is being asked; the answer counts if it is still wanted. */
  async ask(what, key, run) {
    if (this.#asked.get(what)?.key === key) return null;
    this.#asked.get(what)?.abort.abort();
    const question = { key, abort: new AbortController() };
    this.#asked.set(what, question);
    const answer = await run(question.abort.signal);
    if (this.#asked.get(what) !== question) return null;
    this.#asked.delete(what);
    return answer;
  }

  /** Gives up all of them. */
  stop() {
    clearTimeout(this.#timer);
    this.#dueAt = Infinity;
    for (const { abort } of this.#asked.values()) abort.abort();
    this.#asked.clear();
  }
}
