// The calls now live: a row for each, with a duration that ticks; a search, filters, and more of them on request.

import { translator } from "/live-users-language.js";

import { CallFilters } from "./call-filters.js";
import { CallRow } from "./call-row.js";
import { arrange, commandCode, element, onTick, setText } from "./dom.js";
import { number } from "./format.js";
import { byLanguage } from "./messages/calls.js";
import { SIMULATE } from "./reading.js";
import { agentNames } from "./store.js";

const t = translator(byLanguage);

/** With more rows than this the browser passes over those out of sight. */
const PASSED_OVER_FROM = 200;
/** The rows out of sight tick so often. */
const ALL_MS = 10_000;

export class Calls {
  #store;
  #filters;
  #section = document.querySelector("#calls");
  #table = document.querySelector("#calls-table");
  #rows = document.querySelector("#calls-rows");
  #count = document.querySelector("#calls-count");
  #more = document.querySelector("#calls-more");
  #shown = document.querySelector("#calls-shown");
  #load = document.querySelector("#calls-load");
  #empty = document.querySelector("#calls-empty");
  #error = document.querySelector("#calls-error");
  #byId = new Map();
  /** Those that were in the list when more of them were asked for. */
  #listed = new Set();
  #tickedAllAt = 0;

  constructor(store) {
    this.#store = store;
    this.#filters = new CallFilters(store);
    this.#keepRoles();
    this.#load.addEventListener("click", () => {
      this.#listed = new Set(this.#byId.keys());
      this.#store.loadMoreCalls();
    });
    onTick(() => this.#tick());
    // The head of the table stands under the bar, which is as high as its content.
    const bar = document.querySelector(".bar");
    const below = () => document.documentElement.style.setProperty("--bar-height", `${bar.offsetHeight}px`);
    new ResizeObserver(below).observe(bar);
  }

  /** Without the layout of a table, browsers would not tell of one. */
  #keepRoles() {
    this.#table.role = "table";
    for (const part of this.#table.querySelectorAll("thead, tbody")) part.role = "rowgroup";
    for (const row of this.#table.querySelectorAll("thead tr")) row.role = "row";
    for (const cell of this.#table.querySelectorAll("th")) cell.role = "columnheader";
  }

  /** Offers what there is to filter by. */
  drawFilters() {
    this.#filters.draw();
  }

  draw() {
    const { list, isKnown, error } = this.#store.calls;
    this.#error.hidden = error === null;
    setText(this.#error, error === null ? "" : this.#isFiltered ? t("trouble", { error }) : t("troubleUnfiltered", { error }));
    this.#empty.hidden = error !== null;
    if (!isKnown) return;
    const before = this.#byId;
    this.#byId = new Map();
    const names = agentNames(this.#store);
    for (const call of list) {
      const row = before.get(call.callSid) ?? new CallRow(this.#store);
      const account = this.#store.isOfOneAccount ? null : call.account ?? null;
      row.show({ ...call, name: names.get(call.agent) ?? null, account }, this.#store.mayEvict);
      // Out of sight it does not tick, and is right all the same when it comes into sight.
      if (!before.has(call.callSid)) row.tick(this.#elapsedMs);
      this.#byId.set(call.callSid, row);
    }
    const gone = [...before].filter(([id]) => !this.#byId.has(id)).map(([, row]) => row);
    const lost = gone.some((row) => row.hasFocus);
    for (const row of gone) row.close();
    arrange(this.#rows, [...this.#byId.values()].flatMap((row) => row.nodes));
    if (lost) this.#section.focus({ preventScroll: true });
    this.#showAround(this.#store.calls);
    this.#tick();
  }

  /** A filter that is chosen is not one that is applied. */
  get #isFiltered() {
    return this.#filters.isApplied || !this.#store.calls.isKnown;
  }

  #showAround(calls) {
    const { list, filter = "", next = null, matching = list.length, total = matching, isLoading = false } = calls;
    const isFiltered = matching !== total;
    setText(this.#count, total === 0 ? "" : isFiltered ? t("count", { n: total, matching }) : number(total));
    this.#filters.drawCount({ list, matching, total });
    this.#table.hidden = list.length === 0;
    this.#table.classList.toggle("is-long", list.length > PASSED_OVER_FROM);
    // A button that goes takes the focus with it.
    const lost = next === null && this.#more.contains(document.activeElement);
    this.#more.hidden = next === null;
    if (lost) this.#focusLoaded();
    setText(this.#shown, t("shown", { n: matching, shown: list.length }));
    setText(this.#load, isLoading ? t("loading") : t("load"));
    this.#load.setAttribute("aria-disabled", String(isLoading));
    this.#empty.hidden = list.length > 0;
    if (list.length === 0) this.#showEmpty(total > 0 || filter !== "");
  }

  /** Whoever has loaded the last calls goes on at the first of them. */
  #focusLoaded() {
    const [, first] = [...this.#byId].find(([id]) => !this.#listed.has(id)) ?? [];
    if (first) first.focus();
    else this.#section.focus({ preventScroll: true });
  }

  #showEmpty(isFiltered) {
    const hasSeenCalls = this.#store.activities.list.length > 0 || this.#store.summary?.lastDay?.calls > 0;
    const none = SIMULATE === null ? "quiet" : "over";
    const kind = isFiltered ? "filtered" : hasSeenCalls || !this.#store.seesAll ? none : "first";
    if (this.#empty.dataset.kind === kind) return;
    this.#empty.dataset.kind = kind;
    const nodes = { first: beforeTheFirst, over: afterTheLast }[kind] ?? (() => [element("p", t(kind))]);
    this.#empty.replaceChildren(...nodes());
  }

  #tick() {
    const elapsedMs = this.#elapsedMs;
    // Who hears the page may read on where nobody looks.
    const isForAll = performance.now() - this.#tickedAllAt >= ALL_MS;
    if (isForAll) this.#tickedAllAt = performance.now();
    const rows = [...this.#byId.values()];
    for (const row of isForAll ? rows : inSight(rows)) row.tick(elapsedMs);
  }

  get #elapsedMs() {
    return this.#store.elapsedSince(this.#store.calls.receivedAt);
  }
}

/** Of rows one below the other those that a reader sees, and some around them. It asks for few places. */
function inSight(rows) {
  const [above, below] = [-innerHeight / 2, innerHeight * 1.5];
  const first = (isPast) => {
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isPast(rows[middle].node.getBoundingClientRect())) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  return rows.slice(first(({ bottom }) => bottom > above), first(({ top }) => top > below));
}

/** How a demonstration goes on. */
function afterTheLast() {
  return [element("p", t("over")), element("p", commandCode(SIMULATE)), element("p", t("own"))];
}

/** What will be in the list; the steps to get there stand at the top of the page. */
function beforeTheFirst() {
  const link = element("a", { href: SIMULATE === null ? "#setup" : "#simulate" }, t("steps"));
  return [element("h3", t("first")), element("p", t("firstHint")), element("p", link)];
}
