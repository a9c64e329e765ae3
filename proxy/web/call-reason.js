// The sentences of why a call is counted and of what happens next, made of the codes and values of the backend.
// The backend makes its English sentences in the same way, in backend/src/parts/sentences.rs.

import { translator } from "/live-users-language.js";

import { COMMA, age, moment } from "./format.js";
import { byLanguage } from "./messages/why.js";

const t = translator(byLanguage);

/** Why a call is counted or not; null if a backend of another version says nothing or something unknown here. */
export function reasonText(reason) {
  if (!reason) return null;
  const { counted, rule, countsWhen, certainty } = reason;
  const what = withEvidence(whatText(reason), reason.evidence);
  const sure = certainty ? said(certainty.code, { age: age(whole(certainty.heardMs)) }) : "";
  if (what === null || sure === null || counted !== Boolean(certainty)) return null;
  return said(joined(counted ? "counted" : "not-counted", rule, countsWhen), { what, certainty: sure });
}

/** What happens next; null if that is not known here. */
export function nextText({ why }) {
  return why ? said(`next-${why}`) : null;
}

/** With whom the caller is connected, or why nobody is. */
function whatText({ code, since, limit, parent, unconfirmed, sources = [], quietSeconds, longestSeconds }) {
  const key = joined(code, limit, unconfirmed && "unconfirmed", quietSeconds !== undefined && "quiet",
    longestSeconds !== undefined && "longest", code === "leg" && !parent && "unknown");
  return said(key, {
    since: moment(since), parent, sources: sources.join(COMMA), quiet: quietSeconds,
    longest: Math.floor(longestSeconds / 60),
  });
}

/** The same with who has told it, and when. */
function withEvidence(what, evidence) {
  if (what === null || !evidence) return what;
  const told = toldText(evidence);
  const { leg, at } = evidence;
  return told === null ? null : said(leg ? "by-of-leg" : "by", { what, told, leg, at: moment(at) });
}

function toldText({ source: kind, from, said: word }) {
  if (!from && kind === "speech" && word === "in-progress") return said("caller-spoke");
  const source = from ?? said(`source-${kind}`);
  const what = said(`said-${word}`);
  return source === null || what === null ? null : said("told", { source, said: what });
}

/** A message, or null if there is none of this key: then all is told in the words of the backend. */
function said(key, values) {
  return t.has(key) ? t(key, values) : null;
}

function joined(...parts) {
  return parts.filter(Boolean).join("-");
}

/** Whole seconds, as the backend counts them. */
function whole(ms) {
  return Math.floor(ms / 1000) * 1000;
}
