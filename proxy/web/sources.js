// Who tells of calls: each source with its live users, when it was last heard, and what ends its calls.

import { translator } from "/live-users-language.js";

import { arrange, element, onTick, setText } from "./dom.js";
import { COMMA, ago, number, upper, userWord } from "./format.js";
import { byLanguage } from "./messages/sources.js";
import { sourcesFor } from "./store.js";

const t = translator(byLanguage);

export class Sources {
  #store;
  #panel = document.querySelector("#sources");
  #list = document.querySelector("#sources-list");
  #count = document.querySelector("#sources-count");
  #items = new Map();

  constructor(store) {
    this.#store = store;
    onTick(() => this.#tick());
  }

  draw() {
    const { seesAll, isOfSomeAccounts, summary: { asOf } } = this.#store;
    const sources = sourcesFor(this.#store);
    const reader = { seesAll, isOfSomeAccounts };
    this.#panel.hidden = sources.length === 0;
    setText(this.#count, sources.length > 0 ? number(sources.length) : "");
    const most = Math.max(1, ...sources.map((it) => it.liveUsers));
    const before = this.#items;
    this.#items = new Map();
    for (const source of sources) {
      const item = before.get(source.source) ?? new Item();
      item.show(source, source.liveUsers / most, Date.parse(asOf), reader);
      this.#items.set(source.source, item);
    }
    arrange(this.#list, [...this.#items.values()].map((item) => item.node));
  }

  #tick() {
    for (const item of this.#items.values()) item.tick();
  }
}

class Item {
  node;
  #name = element("span.place-name");
  #users = element("span.place-users");
  #word = element("span.visually-hidden");
  #fill = element("div.bar-fill");
  #note = element("p.place-note");
  #referee = element("p.place-note", { hidden: true });
  #refused = element("p.place-note", { hidden: true });
  #source = null;
  #reader = null;
  #asOf = 0;
  #shownAt = 0;

  constructor() {
    this.node = element("li.place",
      element("p.place-line", this.#name, element("span.place-count", this.#users, this.#word)),
      element("div.bar-track", { "aria-hidden": "true" }, this.#fill),
      this.#note, this.#referee, this.#refused);
  }

  /** @param {{ seesAll: boolean, isOfSomeAccounts: boolean }} reader for whom it is worded */
  show(source, share, asOf, reader) {
    [this.#source, this.#reader, this.#asOf, this.#shownAt] = [source, reader, asOf, performance.now()];
    const { title, source: id, kind, account, liveUsers } = source;
    const name = kind === id ? title : `${title} · ${id}`;
    setText(this.#name, account ? `${name} (${account})` : name);
    setText(this.#users, number(liveUsers));
    setText(this.#word, ` ${userWord(liveUsers)}`);
    this.node.classList.toggle("is-quiet", liveUsers === 0);
    this.#fill.style.setProperty("--load", share);
    this.tick();
  }

  tick() {
    const { account, heardAt, refusedAt, referee } = this.#source;
    const { seesAll, isOfSomeAccounts } = this.#reader;
    const now = this.#asOf + performance.now() - this.#shownAt;
    const since = (moment) => ago(Math.max(0, now - Date.parse(moment)));
    // When something came from a source that is no account's own is not told to a reader of accounts.
    const heard = isOfSomeAccounts && !account ? null : this.#heard(since);
    setText(this.#note, upper([heard, t("endsBy", { how: endsText(this.#source) })].filter((it) => it !== null).join(" · ")));
    // How its provider is asked is a matter of whoever runs this.
    this.#referee.hidden = !referee || !seesAll;
    if (referee) {
      setText(this.#referee, asked(referee, since));
      this.#referee.classList.toggle("is-trouble", referee.state === "failing" || referee.state === "refused");
    }
    // A refusal that came before something was let in is over.
    const isRefused = refusedAt !== null && (heardAt === null || Date.parse(refusedAt) > Date.parse(heardAt));
    // Anybody can send what is refused: it is told to whoever can look into the log, and is no alarm.
    this.#refused.hidden = !isRefused || !seesAll;
    if (isRefused) setText(this.#refused, t("refused", { ago: since(refusedAt) }));
  }

  #heard(since) {
    const { source, heardAt } = this.#source;
    if (source === "twilio") return t("own");
    return heardAt === null ? t("notHeard") : t("heard", { ago: since(heardAt) });
  }
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
  if (askedAt !== null) {
    const told = gives === "list" ? t("inList", { n: calls }) : t("byNumber", { n: calls });
    const more = difference > 0 ? t("more", { n: difference }) : t("less", { n: -difference });
    parts.push([told, difference === 0 ? t("asCounted") : more, since(askedAt)].join(COMMA));
  }
  return parts.length > 0 ? parts.join(" · ") : t("beingAsked");
}
