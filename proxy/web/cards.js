// A card for each agent; with many agents a search, an order, and only the first of them.

import { formatter, translator } from "/live-users-language.js";

import { arrange, element, onTick, setText, showDoubt } from "./dom.js";
import { LANGUAGE, NOTHING, calls, nameOf, number, others, phone, span } from "./format.js";
import { byLanguage } from "./messages/cards.js";
import { isOnWall } from "./wallboard.js";

const t = translator(byLanguage);

/** With more agents than this there is something to search in and to sort. */
const TOOLS_FROM = 9;
const SHOWN_FIRST = 24;
/** On a wall, more cards than this stand closer. */
const WALL_WIDE_FROM = 8;
/** So many cards fit on a screen on the wall. */
export const WALL_PAGE_SIZE = 12;
/** Of more numbers than this only the first is shown. */
const NUMBERS_SHOWN_MAX = 2;

export class Cards {
  #store;
  #list = document.querySelector("#cards");
  #tools = document.querySelector("#agents-tools");
  #search = document.querySelector("#agents-search");
  #sort = document.querySelector("#agents-sort");
  #all = document.querySelector("#agents-all");
  #none = document.querySelector("#agents-none");
  #count = document.querySelector("#agents-count");
  #empty = document.querySelector("#agents-empty");
  #cards = new Map();
  #shown = [];
  #isWhole = false;
  /** What chooses the cards on a wall; null until it is loaded, and then the first are shown. */
  #wallPages = null;

  constructor(store) {
    this.#store = store;
    this.#search.addEventListener("input", () => this.arrange());
    this.#sort.addEventListener("change", () => this.arrange());
    this.#all.addEventListener("click", () => {
      this.#isWhole = !this.#isWhole;
      this.arrange();
    });
    onTick(() => {
      this.#wallPages?.tick();
      this.#tick();
    });
  }

  draw() {
    const rows = this.#store.summary.byAgent;
    const before = this.#cards;
    this.#cards = new Map();
    const seen = new Map();
    for (const row of rows) {
      // Two numbers may look the same without their middles.
      const alike = (seen.get(keyOf(row)) ?? 0) + 1;
      seen.set(keyOf(row), alike);
      const key = `${keyOf(row)} ${alike}`;
      const card = before.get(key) ?? new Card();
      const account = this.#store.isOfOneAccount ? null : row.account ?? null;
      card.show({ ...row, account, seesAll: this.#store.seesAll });
      this.#cards.set(key, card);
    }
    const described = rows.filter((row) => row.agent).length;
    setText(this.#count, rows.length > 0 ? number(rows.length) : "");
    this.#empty.hidden = described > 0 || !this.#store.seesAll;
    this.#tools.hidden = rows.length < TOOLS_FROM;
    // Cards do not run away from a pointer or from whoever is reading them by keyboard.
    this.arrange(this.#list.matches(":hover, :focus-within"));
    this.#list.removeAttribute("aria-busy");
  }

  /** Takes what chooses the cards on a wall. */
  usePages(wallPages) {
    this.#wallPages = wallPages;
  }

  /** Shows the cards that are wanted, in their order. */
  arrange(isHeld = false) {
    const words = this.#search.value.trim().toLowerCase();
    const isSearched = words !== "" && !this.#tools.hidden;
    let cards = [...this.#cards.values()];
    if (!this.#tools.hidden) cards.sort(ORDERS[this.#sort.value]);
    if (isSearched) cards = cards.filter((card) => card.matches(words));
    const found = cards.length;
    if (isOnWall()) {
      cards = this.#wallPages?.shown(cards) ?? cards.slice(0, WALL_PAGE_SIZE);
      isHeld = false;
    } else {
      this.#wallPages?.stop();
      if (!this.#isWhole) cards = cards.slice(0, SHOWN_FIRST);
    }
    if (isHeld) cards = held(this.#shown, cards);
    this.#shown = cards;
    this.#list.classList.toggle("is-whole", this.#isWhole);
    this.#list.dataset.size = cards.length > WALL_WIDE_FROM ? "many" : "few";
    arrange(this.#list, cards.map((card) => card.node));
    this.#list.hidden = cards.length === 0;
    this.#none.hidden = !(isSearched && found === 0);
    setText(this.#none, t("none"));
    this.#all.hidden = found <= SHOWN_FIRST;
    setText(this.#all, this.#isWhole ? t("showFirst", { n: SHOWN_FIRST }) : t("showAll", { n: found }));
    this.#tick();
    if (isOnWall() && this.#wallPages?.isTooLong(this.#list)) this.arrange();
  }

  #tick() {
    const elapsedMs = this.#store.elapsedMs;
    for (const card of this.#shown) card.tick(elapsedMs);
  }
}

class Card {
  node = element("li.card");
  row = null;
  #seen = "";
  #name = element("h3");
  #id = element("p.id");
  #numbers = element("p.numbers");
  #live = element("span.live-number");
  #liveWord = element("span.live-word");
  #bar = element("div.bar-fill");
  #track = element("div.bar-track", { "aria-hidden": "true" }, this.#bar);
  #load = element("span.load");
  #line = element("span.line");
  #over = element("span.mark.is-over", t("over"));
  #average = element("dd");
  #hour = element("dd");
  #hourCalls = element("span.quiet");

  constructor() {
    const now = element("div", element("dt", t("average")), this.#average);
    const hour = element("div", element("dt", t("lastHour")), this.#hour);
    this.node.append(
      element("div.card-head",
        element("div.card-name", this.#name, this.#id, this.#numbers),
        element("p.live", this.#live, this.#liveWord)),
      element("div.capacity", this.#track, element("p.load-line", element("span.load-part", this.#load, this.#over), this.#line)),
      element("dl.spans", now, hour),
    );
  }

  /** Touches nothing if the row is as it was; that calls get longer is seen by the tick. */
  show(row) {
    this.row = row;
    if (row.agent) this.node.id = `agent-${row.agent}`;
    const seen = JSON.stringify({ ...row, averageMs: null, longestMs: null });
    if (seen === this.#seen) return;
    this.#seen = seen;
    setText(this.#name, nameOf(row));
    this.#name.title = nameOf(row);
    setText(this.#id, describe(row));
    this.#showNumbers(row);
    setText(this.#live, number(row.liveUsers));
    showDoubt(this.#live, number(row.liveUsers), (row.publicSuspect ?? 0) > 0);
    setText(this.#liveWord, ` ${t("live", { n: row.liveUsers })}`);
    this.node.classList.toggle("is-idle", row.liveCalls === 0);
    this.#showCapacity(row);
    const line = others(row);
    this.#line.hidden = line.length === 0;
    this.#line.replaceChildren(...line.flatMap((part) => [element("span", part), " "]));
    const { calls: n = 0, averageMs = null } = row.lastHour ?? {};
    setText(this.#hourCalls, n === 0 ? t("noCalls") : calls(n));
    this.#hour.replaceChildren(...(n === 0 ? [] : [`${span(averageMs)} `]), this.#hourCalls);
  }

  #showCapacity({ capacity, liveCalls }) {
    const isLimited = Number.isFinite(capacity) && capacity > 0;
    const isOver = isLimited && liveCalls > capacity;
    if (isLimited) {
      // In parts, none of which breaks.
      const unit = element("span.unit", ` ${t("unit", { n: capacity })}`);
      this.#load.replaceChildren(element("span", number(liveCalls)), " ", element("span", t("of", { n: capacity })), unit);
    } else {
      setText(this.#load, t("noCapacity", { n: liveCalls }));
    }
    this.#over.hidden = !isOver;
    this.node.classList.toggle("is-over", isOver);
    this.node.classList.toggle("is-unlimited", !isLimited);
    const load = isLimited ? Math.min(1, liveCalls / capacity) : 0;
    this.#bar.hidden = load === 0;
    this.#bar.style.setProperty("--load", load);
  }

  #showNumbers({ numbers = [] }) {
    const first = numbers.slice(0, numbers.length > NUMBERS_SHOWN_MAX ? 1 : NUMBERS_SHOWN_MAX);
    const rest = numbers.slice(first.length).map(phone);
    const shown = first.map((e164) => element("a", { href: `tel:${e164}` }, phone(e164)));
    if (rest.length > 0) shown.push(element("span", { title: rest.join(", ") }, t("more", { n: rest.length })));
    this.#numbers.replaceChildren(...shown);
    this.#numbers.hidden = shown.length === 0;
  }

  tick(elapsedMs) {
    const { averageMs } = this.row;
    setText(this.#average, averageMs === null || averageMs === undefined ? NOTHING : span(averageMs + elapsedMs));
  }

  matches(words) {
    const { agent, account, numbers = [], address } = this.row;
    const text = [nameOf(this.row), agent, account ?? "", address, ...numbers, ...numbers.map(phone)].join(" ").toLowerCase();
    return text.replaceAll("\u00a0", " ").includes(words);
  }
}

/** The agents file is a matter of whoever runs this. */
function describe({ agent, name, ownVoice, account, seesAll }) {
  const whose = account === null ? "" : ` · ${account}`;
  if (!agent) return `${t("unassigned")}${whose}`;
  if (name === null || name === undefined) return `${seesAll ? t("notInFile") : t("noName")}${whose}`;
  return ownVoice ? `${agent}${whose} · ${t("ownVoice")}` : `${agent}${whose}`;
}

function keyOf({ agent, address }) {
  return agent ? `agent ${agent}` : `number ${address ?? ""}`;
}

function load({ row: { capacity, liveCalls } }) {
  return capacity ? liveCalls / capacity : -1;
}

// Made once: a comparison that makes its own takes a hundred times as long.
const NAMES = formatter(Intl.Collator, LANGUAGE, { numeric: true });
const byName = (a, b) => NAMES.compare(nameOf(a.row), nameOf(b.row));
const byLive = (a, b) => b.row.liveUsers - a.row.liveUsers || byName(a, b);
const ORDERS = { name: byName, live: byLive, load: (a, b) => load(b) - load(a) || byLive(a, b) };

/** The wanted cards in the order that they are shown in; those that are new come last. */
function held(shown, wanted) {
  const stay = shown.filter((card) => wanted.includes(card));
  return [...stay, ...wanted.filter((card) => !stay.includes(card))];
}
