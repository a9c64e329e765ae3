// Numbers, spans, moments and names as people read them. Nothing here touches the page.

import { formatter, numberIn, timeIn, translator } from "/live-users-language.js";

import { byLanguage } from "./messages/format.js";
import { byLanguage as ofWords } from "./messages/words.js";
import { serverNow } from "./server-clock.js";

/** The language of the page. */
export const LANGUAGE = document.documentElement.lang;
const t = translator(byLanguage);
const word = translator(ofWords);
const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
const DAY_AND_CLOCK = { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
const DAY_MS = 86_400_000;

/** What stands where nothing is known. */
export const NOTHING = "–";

/** `1,042`. */
export function number(value) {
  return numberIn(LANGUAGE, value);
}

/** `1 call`, `2 calls`, `1,042 calls`. */
export function calls(n) {
  return t("calls", { n });
}

/** The word alone: `user`, `users`. */
export function userWord(n) {
  return t("user", { n });
}

/** Between two parts of a sentence. */
export const COMMA = t("comma");

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
  if (s < 120) return t("s", { n: s });
  if (s < 3600) return t("min", { n: Math.floor(s / 60) });
  if (s < 86_400) return t("h", { n: Math.floor(s / 3600) });
  return t("d", { n: Math.floor(s / 86_400) });
}

/** `just now`, `12 s ago`, `in 4 min`: how far a moment is from now. */
export function ago(ms) {
  if (Math.abs(ms) < 1000) return t("justNow");
  return ms < 0 ? t("in", { age: age(-ms) }) : t("ago", { age: age(ms) });
}

/** The clock of whoever looks, `14:03:22`; with the day if it is not of the last day. */
export function moment(text, now = serverNow()) {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return NOTHING;
  return timeIn(LANGUAGE, date, Math.abs(now - date.getTime()) < DAY_MS ? CLOCK : DAY_AND_CLOCK);
}

/** `US` to `United States`; a code that nobody knows stays itself, null is unknown. */
export function country(code) {
  if (!code) return t("unknown");
  try {
    return formatter(Intl.DisplayNames, LANGUAGE, { type: "region", fallback: "none" }).of(code) ?? code;
  } catch {
    return code;
  }
}

/** `San Francisco, CA, United States`, `Germany`, `Unknown`. */
export function place({ country: code, region, city }) {
  return code ? [locality({ region, city }), country(code)].filter(Boolean).join(COMMA) : country(code);
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
  return word.has(code) ? word(code) : String(code ?? "").replaceAll("-", " ");
}

/** The same as the beginning of a line. */
export function upper(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** With whom a caller is connected, in words: `with a person`. */
export function partyWords(party) {
  return PARTIES.has(party) ? t(party) : words(party);
}

/**
 * Who is on the line beside the live users, in words, only what is not 0: `2 waiting`, `1 with a person`.
 * A backend that does not know of it says nothing.
 */
export function others({ liveUsers, withAgent, waiting = 0, withPerson = 0, machine = 0, onTheLine = 0 }) {
  const parts = [];
  if (withAgent !== undefined && withAgent !== liveUsers) parts.push(t("withAgentN", { n: withAgent }));
  if (waiting > 0) parts.push(t("waitingN", { n: waiting }));
  if (withPerson > 0) parts.push(t("withPersonN", { n: withPerson }));
  if (machine > 0) parts.push(t("machines", { n: machine }));
  if (parts.length > 0) parts.push(t("onTheLine", { n: onTheLine }));
  return parts;
}

/** With whom a caller can be connected. Each is a message here and in the activity. */
export const PARTIES = new Set(["agent", "waiting", "person", "machine"]);

/** What an agent is called; one that is not described, by its id or by the number that was called. */
export function nameOf({ agent, name, address }) {
  return name ?? agent ?? address ?? t("unknownNumber");
}

/** What a caller is called who does not show a number. */
export const WITHHELD = t("withheld");

/** These names in a row; of many the first, and how many more there are. */
export function several(names) {
  const shown = names.length > NAMES_SHOWN_MAX ? names.slice(0, NAMES_SHOWN_MAX - 1) : names;
  const rest = names.length - shown.length;
  return rest > 0 ? t("andMore", { names: shown.join(COMMA), n: rest }) : shown.join(COMMA);
}

const NAMES_SHOWN_MAX = 3;
