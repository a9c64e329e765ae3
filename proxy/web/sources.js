// Who tells of calls: each source with its live users, when it was last heard, and what ends its calls.

import { translator } from "/live-users-language.js";

import { Bars } from "./bars.js";
import { onTick, setText } from "./dom.js";
import { COMMA, ago, number, upper } from "./format.js";
import { byLanguage } from "./messages/sources.js";
import { sourceName, sourcesFor } from "./store.js";

const t = translator(byLanguage);

export class Sources {
  #store;
  #panel = document.querySelector("#sources");
  #count = document.querySelector("#sources-count");
  #bars = new Bars(document.querySelector("#sources-list"));

  constructor(store) {
    this.#store = store;
    onTick(() => this.#bars.tick());
  }

  draw() {
    const { seesAll, isOfSomeAccounts, summary: { asOf } } = this.#store;
    const sources = sourcesFor(this.#store);
    const reader = { seesAll, isOfSomeAccounts };
    const aheadMs = Date.parse(asOf) - performance.now();
    this.#panel.hidden = sources.length === 0;
    setText(this.#count, sources.length > 0 ? number(sources.length) : "");
    this.#bars.draw(sources.map((source) => ofSource(source, aheadMs, reader)));
  }
}

/**
 * @param {object} source
 * @param {number} aheadMs how far the server's clock is before `performance.now()`
 * @param {{ seesAll: boolean, isOfSomeAccounts: boolean }} reader for whom it is worded
 */
function ofSource(source, aheadMs, reader) {
  const { source: id, account, liveUsers } = source;
  const name = sourceName(source);
  return {
    key: id,
    name: account ? `${name} (${account})` : name,
    users: liveUsers,
    isQuiet: liveUsers === 0,
    notes: () => notes(source, reader, (moment) => ago(Math.max(0, aheadMs + performance.now() - Date.parse(moment)))),
  };
}

function notes(source, { seesAll, isOfSomeAccounts }, since) {
  const { account, heardAt, refusedAt, referee } = source;
  // When something came from a source that is no account's own is not told to a reader of accounts.
  const heard = isOfSomeAccounts && !account ? [] : [heardText(source, since)];
  const told = [{ text: upper([...heard, t("endsBy", { how: endsText(source) })].join(" · ")) }];
  // How its provider is asked is a matter of whoever runs this.
  if (referee && seesAll) {
    told.push({ text: asked(referee, since), isTrouble: referee.state === "failing" || referee.state === "refused" });
  }
  // A refusal that came before something was let in is over.
  const isRefused = refusedAt && (!heardAt || Date.parse(refusedAt) > Date.parse(heardAt));
  // Anybody can send what is refused: it is told to whoever can look into the log, and is no alarm.
  if (isRefused && seesAll) told.push({ text: t("refused", { ago: since(refusedAt) }) });
  return told;
}

function heardText({ source, heardAt }, since) {
  if (source === "twilio") return t("own");
  return heardAt ? t("heard", { ago: since(heardAt) }) : t("notHeard");
}

/** What ends its calls; in the words of the backend if that is of another version and says what is not known here. */
function endsText({ ends, endsBy }) {
  if (!ends || Object.keys(ends).some((key) => !Object.hasOwn(ENDS, key))) return endsBy;
  const parts = Object.entries(ENDS).filter(([key]) => ends[key]).map(([key, text]) => text(ends[key]));
  return parts.length > 0 ? parts.reduce((first, next) => t("endsOr", { first, next })) : endsBy;
}

const ENDS = {
  byWord: () => t("byWord"),
  byList: () => t("byList"),
  byClock: () => t("byClock"),
  quietSeconds: (seconds) => t("afterQuiet", { n: seconds }),
  longestSeconds: (seconds) => t("afterLongest", { n: Math.ceil(seconds / 60) }),
};

/** What its provider says of the calls that are up, and how much that differs. */
function asked({ state, gives, askedAt, calls, difference, failure }, since) {
  if (state === "elsewhere") return t("elsewhere");
  const parts = [];
  if (state === "refused") parts.push(t("keyRefused"));
  if (state === "failing") parts.push(t("failing", { failure }));
  if (askedAt) {
    const told = gives === "list" ? t("inList", { n: calls }) : t("byNumber", { n: calls });
    const more = difference > 0 ? t("more", { n: difference }) : t("less", { n: -difference });
    parts.push([told, difference === 0 ? t("asCounted") : more, since(askedAt)].join(COMMA));
  }
  return parts.length > 0 ? parts.join(" · ") : t("beingAsked");
}
