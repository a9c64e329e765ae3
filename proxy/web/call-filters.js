// What is searched for in the list of calls, and by what it is filtered: the fields above it, and the address.

import { translator } from "/live-users-language.js";

import { element, setText } from "./dom.js";
import { country } from "./format.js";
import { byLanguage } from "./messages/callFilters.js";
import { BASE } from "./reading.js";
import { sourceName, sourcesFor } from "./store.js";

const t = translator(byLanguage);

/** The part of the address behind `#` that holds them begins so. */
const MARK = "calls";
const SEARCH_MS = 250;
/** A text with so many digits is a phone number: none is in the list, and none should be in an address. */
const NUMBER_DIGITS_MIN = 7;
/** So many country codes fit into a query. */
const COUNTRIES_MAX = 40;
const KEYS = ["search", "agent", "source", "country", "party", "suspect"];
const UNKNOWN = "unknown";

export class CallFilters {
  #store;
  #tools = document.querySelector("#calls-tools");
  #clear = document.querySelector("#calls-clear");
  #hint = document.querySelector("#calls-hint");
  #told = document.querySelector("#calls-told");
  #export = document.querySelector("#calls-export");
  #fields = {};
  #timer = null;
  #codes = [];
  /** Whether a change is still to be told to who hears the page. */
  #isUntold = false;

  constructor(store) {
    this.#store = store;
    for (const key of KEYS) this.#fields[key] = document.querySelector(`#calls-${key}`);
    this.#fields.search.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#apply(), SEARCH_MS);
    });
    for (const key of KEYS.slice(1)) this.#fields[key].addEventListener("change", () => this.#apply());
    this.#clear.addEventListener("click", () => {
      for (const key of KEYS) this.#fields[key].value = "";
      this.#apply();
      this.#fields.search.focus();
    });
    window.addEventListener("hashchange", () => this.#read());
    if (location.hash !== "") this.#read();
  }

  /** Offers what there is to filter by. */
  draw() {
    const { byAgent = [], byCountry = [] } = this.#store.summary;
    const sources = sourcesFor(this.#store);
    this.#codes = byCountry.map((row) => row.country).filter(Boolean);
    const agents = byAgent.filter((row) => row.agent).map((row) => [row.agent, row.name ?? row.agent]);
    const countries = this.#codes.map((code) => [code, country(code)]);
    if (byCountry.some((row) => !row.country)) countries.push([UNKNOWN, country(null)]);
    this.#offer("agent", agents);
    this.#offer("country", countries);
    this.#offer("source", sources.map((it) => [it.source, sourceName(it)]));
    this.#fields.source.closest("label").hidden = sources.length === 0 && this.#fields.source.value === "";
  }

  /** Whether the list is of the calls that are wanted: an answer may be under way, or fail. */
  get isApplied() {
    const { callFilter = "", calls: { filter = "" } } = this.#store;
    return filter === callFilter;
  }

  /** Says how many calls are left, and of how many. */
  drawCount({ list, matching, total }) {
    const isFiltered = Boolean(this.#store.callFilter);
    this.#tools.hidden = total < 2 && !isFiltered;
    this.#clear.hidden = !isFiltered;
    if (!this.#isUntold || !this.isApplied) return;
    this.#isUntold = false;
    setText(this.#told, isFiltered ? t("found", { n: total, matching }) : t("shown", { n: total, shown: list.length }));
  }

  #offer(key, values) {
    const select = this.#fields[key];
    const all = select.options[0].textContent;
    const chosen = select.value;
    const wanted = [["", all], ...values];
    // What was chosen stays, though no call has it any more.
    if (chosen !== "" && !values.some(([value]) => value === chosen)) {
      wanted.push([chosen, select.selectedOptions[0]?.textContent ?? chosen]);
    }
    const seen = JSON.stringify(wanted);
    if (select.dataset.seen === seen) return;
    select.dataset.seen = seen;
    select.replaceChildren(...wanted.map(([value, text]) => element("option", { value }, text)));
    select.value = chosen;
  }

  #read() {
    const parameters = new URLSearchParams(location.hash.slice(1));
    const isOurs = parameters.has(MARK);
    if (!isOurs && location.hash !== "") return;
    for (const key of KEYS) {
      const value = isOurs ? parameters.get(key) ?? "" : "";
      const field = this.#fields[key];
      const isMissing = field.tagName === "SELECT" && ![...field.options].some((it) => it.value === value);
      if (isMissing) field.append(element("option", { value }, key === "country" ? country(value) : value));
      field.value = value;
    }
    this.#apply();
  }

  #apply() {
    clearTimeout(this.#timer);
    const typed = this.#fields.search.value;
    const isNumber = typed.replaceAll(/\D/g, "").length >= NUMBER_DIGITS_MIN;
    // It is not searched for; the other fields filter all the same.
    const search = isNumber ? "" : typed.trim();
    const valueOf = (key) => (key === "search" ? search : this.#fields[key].value.trim());
    const values = KEYS.map((key) => [key, valueOf(key)]).filter(([, value]) => value !== "");
    this.#hint.hidden = !isNumber;
    this.#fields.search.setAttribute("aria-invalid", String(isNumber));
    this.#keep(new URLSearchParams([[MARK, ""], ...values]).toString().replace("=", ""), values.length > 0);
    const text = search.toLowerCase();
    const found = text === "" ? [] : this.#codes.filter((code) => country(code).toLowerCase().includes(text));
    if (found.length > 0) values.push(["searchCountries", found.slice(0, COUNTRIES_MAX).join()]);
    const query = new URLSearchParams(values);
    this.#isUntold = this.#store.filterCalls(query.toString()) || this.#isUntold;
    // What is exported is what is shown.
    query.append("dialing", "true");
    query.append("format", "csv");
    this.#export.href = `${BASE}api/live-users/calls?${query}`;
  }

  /** A reload has the same filters, and no request tells them to the server with the page. */
  #keep(text, isFiltered) {
    const before = new URLSearchParams(location.hash.slice(1)).has(MARK);
    if (!isFiltered && !before) return;
    const address = location.pathname + location.search;
    history.replaceState(history.state, "", isFiltered ? `${address}#${text}` : address);
  }
}
