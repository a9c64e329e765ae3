// Where the people on the line are: the countries with the most, and what is known within them.

import { translator } from "/live-users-language.js";

import { arrange, element, setText } from "./dom.js";
import { COMMA, country, number, userWord } from "./format.js";
import { byLanguage } from "./messages/places.js";

const t = translator(byLanguage);

/** Of more countries than this the rest is one line. */
const COUNTRIES_SHOWN_MAX = 6;
const REGIONS_SHOWN_MAX = 4;

export class Places {
  #store;
  #list = document.querySelector("#places-list");
  #count = document.querySelector("#places-count");
  #empty = document.querySelector("#places-empty");
  #items = new Map();

  constructor(store) {
    this.#store = store;
  }

  draw() {
    const { byCountry = [], byRegion = [] } = this.#store.summary;
    const known = byCountry.filter((row) => row.country !== null);
    setText(this.#count, known.length > 0 ? t("countries", { n: known.length }) : "");
    const rows = [...known.slice(0, COUNTRIES_SHOWN_MAX).map((row) => ofCountry(row, byRegion))];
    const rest = known.slice(COUNTRIES_SHOWN_MAX);
    if (rest.length > 0) rows.push(ofTheRest(rest));
    const unknown = byCountry.find((row) => row.country === null);
    if (unknown) rows.push({ key: "?", name: country(null), note: t("unknownNote"), users: unknown.liveUsers });
    const most = Math.max(1, ...rows.map((row) => row.users));
    const before = this.#items;
    this.#items = new Map();
    for (const row of rows) {
      const item = before.get(row.key) ?? new Item(row.key);
      item.show(row, row.users / most);
      this.#items.set(row.key, item);
    }
    arrange(this.#list, [...this.#items.values()].map((item) => item.node));
    this.#list.hidden = rows.length === 0;
    this.#empty.hidden = rows.length > 0;
    setText(this.#empty, t("empty"));
  }
}

class Item {
  node;
  #name = element("span.place-name");
  #users = element("span.place-users");
  #word = element("span.visually-hidden");
  #fill = element("div.bar-fill");
  #note = element("p.place-note");

  constructor(key) {
    this.node = element(key === "?" || key === "…" ? "li.place.is-quiet" : "li.place",
      element("p.place-line", this.#name, element("span.place-count", this.#users, this.#word)),
      element("div.bar-track", { "aria-hidden": "true" }, this.#fill),
      this.#note);
  }

  show({ name, note, users }, share) {
    setText(this.#name, name);
    setText(this.#users, number(users));
    setText(this.#word, ` ${userWord(users)}`);
    setText(this.#note, note);
    this.#note.hidden = note === "";
    this.#fill.style.setProperty("--load", share);
  }
}

function ofCountry({ country: code, liveUsers }, byRegion) {
  const named = byRegion.filter((row) => row.country === code && row.region !== null);
  named.sort((a, b) => b.liveUsers - a.liveUsers || a.region.localeCompare(b.region));
  const shown = named.slice(0, REGIONS_SHOWN_MAX).map((row) => `${row.region}\u00a0${number(row.liveUsers)}`);
  const rest = named.length - shown.length;
  if (rest > 0) shown.push(t("more", { n: rest }));
  return { key: code, name: country(code), note: shown.join(COMMA), users: liveUsers };
}

function ofTheRest(rows) {
  const users = rows.reduce((sum, row) => sum + row.liveUsers, 0);
  const names = rows.slice(0, REGIONS_SHOWN_MAX).map((row) => country(row.country));
  if (rows.length > names.length) names.push("…");
  return { key: "…", name: t("moreCountries", { n: rows.length }), note: names.join(COMMA), users };
}
