// Where the people on the line are: the countries with the most, and what is known within them.

import { translator } from "/live-users-language.js";

import { Bars } from "./bars.js";
import { setText } from "./dom.js";
import { COMMA, country, number } from "./format.js";
import { byLanguage } from "./messages/places.js";

const t = translator(byLanguage);

/** Of more countries than this the rest is one line. */
const COUNTRIES_SHOWN_MAX = 6;
const REGIONS_SHOWN_MAX = 4;

export class Places {
  #store;
  #list = document.querySelector("#places-list");
  #bars = new Bars(this.#list);
  #count = document.querySelector("#places-count");
  #empty = document.querySelector("#places-empty");

  constructor(store) {
    this.#store = store;
  }

  draw() {
    const { byCountry = [], byRegion = [] } = this.#store.summary;
    const known = byCountry.filter((row) => row.country);
    setText(this.#count, known.length > 0 ? t("countries", { n: known.length }) : "");
    const rows = known.slice(0, COUNTRIES_SHOWN_MAX).map((row) => ofCountry(row, byRegion));
    const rest = known.slice(COUNTRIES_SHOWN_MAX);
    if (rest.length > 0) rows.push(ofTheRest(rest));
    const unknown = byCountry.find((row) => !row.country);
    if (unknown) rows.push(bar("?", country(null), unknown.liveUsers, t("unknownNote"), true));
    this.#bars.draw(rows);
    this.#list.hidden = rows.length === 0;
    this.#empty.hidden = rows.length > 0;
    setText(this.#empty, t("empty"));
  }
}

function bar(key, name, users, text, isQuiet) {
  return { key, name, users, isQuiet, notes: () => [{ text }] };
}

function ofCountry({ country: code, liveUsers }, byRegion) {
  const named = byRegion.filter((row) => row.country === code && row.region);
  named.sort((a, b) => b.liveUsers - a.liveUsers || a.region.localeCompare(b.region));
  const shown = named.slice(0, REGIONS_SHOWN_MAX).map((row) => `${row.region}\u00a0${number(row.liveUsers)}`);
  const rest = named.length - shown.length;
  if (rest > 0) shown.push(t("more", { n: rest }));
  return bar(code, country(code), liveUsers, shown.join(COMMA), false);
}

function ofTheRest(rows) {
  const users = rows.reduce((sum, row) => sum + row.liveUsers, 0);
  const names = rows.slice(0, REGIONS_SHOWN_MAX).map((row) => country(row.country));
  if (rows.length > names.length) names.push("…");
  return bar("…", t("moreCountries", { n: rows.length }), users, names.join(COMMA), true);
}
