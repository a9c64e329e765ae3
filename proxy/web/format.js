// Numbers, spans, moments and names as people read them. Nothing here touches the page.

import { serverNow } from "./server-clock.js";

const COUNTRIES = new Intl.DisplayNames(["en"], { type: "region", fallback: "none" });
const NUMBER = new Intl.NumberFormat("en");
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY_AND_CLOCK = new Intl.DateTimeFormat("en-GB", {
  weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit",
});
const DAY_MS = 86_400_000;

/** What stands where nothing is known. */
export const NOTHING = "–";

/** `1,042`. */
export function number(value) {
  return NUMBER.format(value);
}

/** `1 call`, `2 calls`, `1,042 calls`. */
export function counted(value, one, many = `${one}s`) {
  return `${number(value)} ${value === 1 ? one : many}`;
}

/** `0:07`, `61:01` never: `1:01:01`; a dash for null. */
export function span(ms) {
  if (ms === null || ms === undefined) return NOTHING;
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (part) => String(part).padStart(2, "0");
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return `${minutes}:${two(s % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(s % 60)}`;
}

/** `5 s`, `119 s`, `2 min`, `2 h`, `4 d`: how old something is; the unit stays on the line of its number. */
export function age(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 120) return `${s}\u00a0s`;
  if (s < 3600) return `${Math.floor(s / 60)}\u00a0min`;
  if (s < 86_400) return `${Math.floor(s / 3600)}\u00a0h`;
  return `${Math.floor(s / 86_400)}\u00a0d`;
}

/** `just now`, `12 s ago`, `in 4 min`: how far a moment is from now. */
export function ago(ms) {
  if (Math.abs(ms) < 1000) return "just now";
  return ms < 0 ? `in ${age(-ms)}` : `${age(ms)} ago`;
}

/** The clock of whoever looks, `14:03:22`; with the day if it is not of the last day. */
export function moment(text, now = serverNow()) {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return NOTHING;
  return Math.abs(now - date.getTime()) < DAY_MS ? CLOCK.format(date) : DAY_AND_CLOCK.format(date);
}

/** `US` to `United States`; a code that nobody knows stays itself, null is unknown. */
export function country(code) {
  if (!code) return "Unknown";
  try {
    return COUNTRIES.of(code) ?? code;
  } catch {
    return code;
  }
}

/** `San Francisco, CA, United States`, `Germany`, `Unknown`. */
export function place({ country: code, region, city }) {
  return code ? [locality({ region, city }), country(code)].filter(Boolean).join(", ") : country(code);
}

/** What is known within a country, `San Francisco, CA`; blank if nothing is. */
export function locality({ region, city }) {
  return [city ? cased(city) : "", region].filter(Boolean).join(", ");
}

/** Twilio writes cities in capitals; what is written otherwise stays as it is. */
function cased(name) {
  if (name !== name.toUpperCase()) return name;
  return name.toLowerCase().replace(/(?<![\p{L}’'])\p{L}/gu, (letter) => letter.toUpperCase());
}

// ITU-T E.164, list of assigned country codes: zones 1 and 7 have one digit, these two, the rest three.
const TWO_DIGITS = new Set(
  ("20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 " +
    "81 82 84 86 90 91 92 93 94 95 98").split(" "),
);

/**
 * An E.164 number in groups, `+1 415 555 0123`. Outside North America the groups behind the
 * country code are only for the eye. Anything else stays as it is, such as a masked number.
 */
export function phone(text) {
  if (!/^\+\d{5,15}$/.test(text)) return text;
  const digits = text.slice(1);
  const codeLength = /^[17]/.test(digits) ? 1 : TWO_DIGITS.has(digits.slice(0, 2)) ? 2 : 3;
  const groups = [`+${digits.slice(0, codeLength)}`];
  let rest = digits.slice(codeLength);
  while (rest !== "") {
    const length = rest.length <= 4 ? rest.length : 3;
    groups.push(rest.slice(0, length));
    rest = rest.slice(length);
  }
  return groups.join("\u00a0");
}

/** Words that stand for a reason or a cause, `no-answer` to `no answer`. */
export function words(code) {
  return WORDS[code] ?? String(code ?? "").replaceAll("-", " ");
}

/** The same as the beginning of a line. */
export function upper(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** With whom a caller is connected, in words: `with a person`. */
export function partyWords(party) {
  return PARTIES[party] ?? words(party);
}

/**
 * Who is on the line beside the live users, in words, only what is not 0: `2 waiting`, `1 with a person`.
 * A backend that does not know of it says nothing.
 */
export function others({ liveUsers, withAgent, waiting = 0, withPerson = 0, machine = 0, onTheLine = 0 }) {
  const parts = [];
  if (withAgent !== undefined && withAgent !== liveUsers) parts.push(`${number(withAgent)} with an agent`);
  if (waiting > 0) parts.push(`${number(waiting)} waiting`);
  if (withPerson > 0) parts.push(`${number(withPerson)} with a person`);
  if (machine > 0) parts.push(counted(machine, "machine"));
  if (parts.length > 0) parts.push(`${number(onTheLine)} on the line`);
  return parts;
}

const PARTIES = {
  agent: "with an agent",
  waiting: "waiting",
  person: "with a person",
  machine: "machine",
};

const WORDS = {
  "dialing": "ringing",
  "goodbye": "said goodbye",
  "no-answer": "not answered",
  "busy": "line busy",
  "timed-out": "timed out",
  "unlisted": "not in the list of its source any more",
  "canceled": "cancelled",
  "evicted": "removed from the count",
  "missed-start": "its start was missed",
  "missed-answer": "its answer was missed",
  "missed-end": "its end was missed",
  "wrong-end": "it had not ended",
  "status-callback": "status callback",
  "in-progress": "in progress",
  "ended-unseen": "ended unseen",
};

/** These names in a row; of many the first, and how many more there are. */
export function several(names) {
  const shown = names.length > NAMES_SHOWN_MAX ? names.slice(0, NAMES_SHOWN_MAX - 1) : names;
  const rest = names.length - shown.length;
  return rest > 0 ? `${shown.join(", ")} and ${number(rest)} more` : shown.join(", ");
}

const NAMES_SHOWN_MAX = 3;
