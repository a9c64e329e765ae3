// Where things are in a chart: round values on the axes, and from numbers to places.

import { timeIn } from "./live-users-language.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Steps of a time axis that people count in. */
const TIME_STEPS_MS = [
  10_000, 15_000, 30_000, MINUTE_MS, 2 * MINUTE_MS, 5 * MINUTE_MS, 10 * MINUTE_MS, 15 * MINUTE_MS, 30 * MINUTE_MS,
  HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS, 4 * HOUR_MS, 6 * HOUR_MS, 12 * HOUR_MS,
  DAY_MS, 2 * DAY_MS, 5 * DAY_MS, 7 * DAY_MS, 14 * DAY_MS, 30 * DAY_MS,
];

/**
 * The values of an axis for whole things from 0 to at least `max`: 1, 2 or 5 times a power of
 * ten apart, and no more than `ticksMax` of them above 0.
 */
export function valueTicks(max, ticksMax = 4) {
  const top = Math.max(1, Math.ceil(max));
  let step = 1;
  for (let power = 1; Math.ceil(top / step) > ticksMax; power *= 10) {
    step = [1, 2, 5, 10].map((digit) => digit * power).find((it) => Math.ceil(top / it) <= ticksMax) ?? step;
  }
  const count = Math.ceil(top / step);
  return Array.from({ length: count + 1 }, (_, index) => index * step);
}

/** The round moments within a stretch of time, in the clock of whoever looks. */
export function timeTicks(fromMs, toMs, ticksMax) {
  const spanMs = toMs - fromMs;
  // Over several days, an hour without its day says nothing.
  const least = Math.max(spanMs / Math.max(1, ticksMax), spanMs > 2 * DAY_MS ? DAY_MS : 0);
  const stepMs = TIME_STEPS_MS.find((it) => it >= least) ?? TIME_STEPS_MS.at(-1);
  const ticks = [];
  // From the midnight before, so that hours are full hours of the local day.
  const date = new Date(fromMs);
  date.setHours(0, 0, 0, 0);
  if (stepMs < DAY_MS) {
    const midnight = date.getTime();
    const first = midnight + Math.ceil((fromMs - midnight) / stepMs) * stepMs;
    for (let at = first; at <= toMs; at += stepMs) ticks.push(at);
    return { stepMs, ticks };
  }
  // By the calendar: days are not all equally long.
  const days = Math.round(stepMs / DAY_MS);
  for (; date.getTime() <= toMs; date.setDate(date.getDate() + 1)) {
    const number = Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / DAY_MS);
    if (date.getTime() >= fromMs && number % days === 0) ticks.push(date.getTime());
  }
  return { stepMs, ticks };
}

const CLOCK = { hour: "2-digit", minute: "2-digit" };
const CLOCK_WITH_SECONDS = { ...CLOCK, second: "2-digit" };
const DAY = { day: "numeric", month: "short" };
const WEEKDAY = { weekday: "short", day: "numeric" };
const WHOLE_DAY = { weekday: "short", ...DAY };
const WEEK_MS = 7 * DAY_MS;

/** Of a shorter time the seconds say something. */
const SECONDS_UP_TO_MS = 20 * MINUTE_MS;

/** The clock of whoever looks: `14:30`, in a short time `14:30:17`, in days `Mon 23 Nov, 14:30`. */
export function clock(t, atMs, spanMs) {
  if (spanMs <= SECONDS_UP_TO_MS) return timeIn(t.language, atMs, CLOCK_WITH_SECONDS);
  const time = timeIn(t.language, atMs, CLOCK);
  return spanMs <= DAY_MS + HOUR_MS ? time : t("dayTime", { day: timeIn(t.language, atMs, WHOLE_DAY), time });
}

/** What stands below a tick: `14:30`, `14:30:15`, `Mon 23`, `23 Nov`. */
export function tickLabel({ language }, atMs, stepMs, spanMs) {
  if (stepMs < MINUTE_MS) return timeIn(language, atMs, CLOCK_WITH_SECONDS);
  if (stepMs < DAY_MS) return timeIn(language, atMs, CLOCK);
  return timeIn(language, atMs, spanMs <= WEEK_MS + DAY_MS ? WEEKDAY : DAY);
}

/** When a point is, in words: `14:30 – 14:31`, `Mon 23 Nov, 14:00 – 15:00`. */
export function pointLabel(t, atMs, endMs, spanMs) {
  const format = (ms) => timeIn(t.language, ms, spanMs <= SECONDS_UP_TO_MS ? CLOCK_WITH_SECONDS : CLOCK);
  const time = t("span", { from: format(atMs), to: format(endMs) });
  return spanMs <= DAY_MS + HOUR_MS ? time : t("dayTime", { day: timeIn(t.language, atMs, WHOLE_DAY), time });
}

/** When a peak was: the clock today, the day before that. */
export function peakLabel(t, atMs, nowMs) {
  const isToday = new Date(atMs).toDateString() === new Date(nowMs).toDateString();
  const time = timeIn(t.language, atMs, CLOCK);
  return isToday ? time : t("dayTime", { day: timeIn(t.language, atMs, DAY), time });
}

/** From a value in one stretch to a place in another. */
export function scale(fromValue, toValue, fromPlace, toPlace) {
  const factor = (toPlace - fromPlace) / (toValue - fromValue || 1);
  return (value) => fromPlace + (value - fromValue) * factor;
}
