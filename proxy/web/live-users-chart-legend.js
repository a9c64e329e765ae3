// What stands around the drawing of <live-users-chart>: the ranges, which area is who, since when and until when it
// is known, what it can be compared with, and the peaks.

import { shape } from "./live-users-chart-draw.js";
import { COMPARISONS, PARTIES, canCompare } from "./live-users-chart-history.js";
import { clock, peakLabel } from "./live-users-chart-scale.js";
import { numberIn } from "./live-users-language.js";

/** Each is a message too. */
const PEAKS = ["hour", "day", "week", "month", "ever"];

/** The button that chooses this range. */
export function choice(range, group, choose) {
  const label = document.createElement("label");
  label.className = "choice";
  const input = Object.assign(document.createElement("input"), { type: "radio", name: group, value: range });
  input.addEventListener("change", choose);
  label.append(input, document.createElement("span"));
  return label;
}

/** Says in a language what is always on the chart. */
export function label(root, t) {
  const texts = { "slot": t("title"), ".compare span": t("compareWith"), "legend": t("timeRange") };
  for (const [part, text] of Object.entries(texts)) root.querySelector(part).textContent = text;
  for (const input of root.querySelectorAll("input")) {
    const [, digits, unit] = /^(\d+)(\w)$/.exec(input.value);
    input.setAttribute("aria-label", t(input.value));
    input.nextElementSibling.textContent = t(unit, { n: Number(digits) });
  }
  root.querySelector(".stage").setAttribute("aria-valuetext", t("nothingYet"));
}

/** Names each area by its own pattern and number, and the dashed line. */
export function showLegend(root, t, { points, present, comparison }, isStacked) {
  const last = present ?? points.at(-1);
  const items = [];
  if (isStacked) {
    const shown = PARTIES.filter((party) => party === "withAgent" || points.some((point) => point[party] > 0) || last?.[party] > 0);
    for (const party of shown) {
      const users = present === null ? "" : `\u00a0${numberIn(t.language, present[party])}`;
      items.push({ key: party, text: `${t(party)}${users}`, swatch: area(party) });
    }
  }
  if (comparison) {
    const words = t(comparison.compare);
    const text = comparison.isEmpty ? t("noDataOf", { what: words }) : words;
    items.push({ key: "compared", text, swatch: dashes() });
  }
  const list = root.querySelector(".legend");
  const seen = items.map(({ key, text }) => `${key} ${text}`).join();
  if (list.dataset.seen === seen) return;
  list.dataset.seen = seen;
  list.hidden = items.length === 0;
  list.replaceChildren(...items.map(({ text, swatch }) => {
    const item = document.createElement("li");
    item.append(swatch, text);
    return item;
  }));
}

/** Where data begins, and, of a chart that is stale, where it ends. */
export function showNotes(root, t, { since, from, to }, isStale) {
  const at = (ms) => clock(t, ms, to - from);
  const notes = [];
  if (since !== null) notes.push(t("since", { at: at(since) }));
  if (isStale) notes.push(t("stale", { at: at(to) }));
  root.querySelector(".since").textContent = notes.join(" · ");
}

/** What this range can be compared with. */
export function showComparisons(root, t, range, compare) {
  const possible = Object.keys(COMPARISONS).filter((key) => canCompare(range, key));
  const option = (value, text) => Object.assign(document.createElement("option"), { value, textContent: text });
  const wanted = possible.map((key) => option(key, t(key)));
  const select = root.querySelector("select");
  select.replaceChildren(option("", t("nothing")), ...wanted);
  select.value = possible.includes(compare) ? compare : "";
  root.querySelector(".compare").hidden = possible.length === 0;
}

/** The most users at once, and when. */
export function showPeaks(root, t, peaks, now) {
  const line = (tag, ...content) => {
    const made = document.createElement(tag);
    made.append(...content);
    return made;
  };
  const rows = PEAKS.filter((key) => peaks?.[key]).map((key) => {
    const { at, liveUsers } = peaks[key];
    const when = line("span", peakLabel(t, Date.parse(at), now));
    return line("div", line("dt", t(key)), line("dd", numberIn(t.language, liveUsers), when));
  });
  const list = root.querySelector(".peaks");
  const seen = rows.map((row) => row.textContent).join();
  if (list.dataset.seen === seen) return;
  list.dataset.seen = seen;
  list.replaceChildren(...rows);
}

function area(party) {
  const swatch = svg();
  swatch.append(shape("rect", `tint is-${party}`, { x: 1, y: 1, width: 18, height: 10 }));
  swatch.append(shape("rect", "pattern", { x: 1, y: 1, width: 18, height: 10, fill: `url(#pattern-${party})` }));
  swatch.append(shape("path", `edge is-${party}`, { d: "M1,1H19" }));
  return swatch;
}

function dashes() {
  const swatch = svg();
  swatch.append(shape("path", "compared", { d: "M0,6H20" }));
  return swatch;
}

function svg() {
  return shape("svg", "swatch", { viewBox: "0 0 20 12", "aria-hidden": "true" });
}
