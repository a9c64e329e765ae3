// The crosshair of <live-users-chart>: which point is looked at, by pointer or by keyboard.

import { PARTIES } from "./live-users-chart-history.js";
import { clock, pointLabel } from "./live-users-chart-scale.js";

const PAGE_POINTS = 10;

export class Crosshair {
  #stage;
  #hair;
  #spot;
  #tip;
  #t = null;
  #history = null;
  #drawn = null;
  #index = null;

  /** @param {ShadowRoot} root */
  constructor(root) {
    const find = (name) => root.querySelector(`.${name}`);
    [this.#stage, this.#hair, this.#spot, this.#tip] = ["stage", "hair", "spot", "tip"].map(find);
    this.#stage.addEventListener("pointermove", (event) => this.#follow(event));
    this.#stage.addEventListener("pointerdown", (event) => this.#follow(event));
    this.#stage.addEventListener("pointerleave", () => this.#look(null));
    this.#stage.addEventListener("blur", () => this.#look(null));
    this.#stage.addEventListener("keydown", (event) => this.#step(event));
    this.#stage.addEventListener("focus", () => {
      if (this.#stage.matches(":focus-visible")) this.#look(this.#index ?? this.#last());
    });
  }

  /** Takes a chart that was drawn anew, and the messages in its language. */
  show(t, history, drawn) {
    this.#t = t;
    // The same moment is looked at, though it may be another point now.
    const at = this.#index === null ? null : this.#history.points[this.#index]?.at;
    this.#history = history;
    this.#drawn = drawn;
    this.#stage.setAttribute("aria-valuemax", Math.max(0, history.points.length - 1));
    // The first of the minutes begins where the picture does, so it goes on with time.
    const index = at === null ? -1 : history.points.findLastIndex((point) => point.at <= Math.max(at, history.from));
    this.#look(index < 0 ? null : index);
  }

  #last() {
    return this.#drawn?.places.findLastIndex((place) => place !== null) ?? -1;
  }

  #follow(event) {
    if (!this.#drawn) return;
    const x = event.clientX - this.#stage.getBoundingClientRect().left;
    if (this.#history.isExact) {
      const index = this.#drawn.places.findLastIndex((place) => place !== null && place.x <= x);
      return this.#look(Math.max(0, index));
    }
    let best = null;
    for (const [index, place] of this.#drawn.places.entries()) {
      const distance = place === null ? Infinity : Math.abs(place.x - x);
      if (best === null || distance < best.distance) best = { index, distance };
    }
    this.#look(best?.index ?? null);
  }

  #step(event) {
    const last = (this.#history?.points.length ?? 0) - 1;
    if (last < 0) return;
    const now = this.#index ?? this.#last();
    const index = { ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1,
      PageDown: now - PAGE_POINTS, PageUp: now + PAGE_POINTS, Home: 0, End: last }[event.key];
    if (event.key === "Escape") this.#look(null);
    if (index === undefined) return;
    event.preventDefault();
    this.#look(Math.min(last, Math.max(0, index)));
  }

  #look(index) {
    const point = index === null || index < 0 ? undefined : this.#history?.points[index];
    this.#index = point ? index : null;
    const place = point ? this.#drawn.places[index] : null;
    this.#hair.hidden = this.#tip.hidden = !point;
    this.#spot.hidden = !place;
    if (!point) {
      this.#say(this.#last());
      return;
    }
    const { box } = this.#drawn;
    const x = place?.x ?? Math.min(box.right, Math.max(box.left, this.#drawn.x((point.at + point.end) / 2)));
    move(this.#hair, { left: x, top: box.top, height: box.bottom - box.top });
    if (place) move(this.#spot, { left: place.x, top: place.y });
    const { when, what, details } = words(this.#t, point, this.#history);
    const line = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
    this.#tip.replaceChildren(line("b", what), ...details.map((it) => line("span", it)), line("span", when));
    const room = this.#stage.clientWidth - this.#tip.offsetWidth;
    const beside = x + this.#tip.offsetWidth + 14 > this.#stage.clientWidth ? x - this.#tip.offsetWidth - 12 : x + 12;
    move(this.#tip, { left: Math.max(0, Math.min(room, beside)) });
    this.#say(index);
  }

  #say(index) {
    const point = this.#history?.points[index];
    this.#stage.setAttribute("aria-valuenow", Math.max(0, index));
    if (this.#t === null) return;
    const text = point ? spoken(this.#t, point, this.#history) : this.#t("nothingYet");
    this.#stage.setAttribute("aria-valuetext", text);
  }
}

/** A point for who sees it. */
function words(t, point, history) {
  const { at, end, min, max, mean } = point;
  const when = pointLabel(t, at, end, history.to - history.from);
  if (mean === null) return { when, what: t("unknown"), details: [] };
  const n = rounded(mean);
  const details = beside(t, point, history);
  if (min === max) return { when, what: t("live", { n }), details };
  return { when, what: t("average", { n }), details: [t("fromTo", { min, max }), ...details] };
}

/** The same for who hears it: `19 at 11:13, 2 waiting, 14 yesterday`. */
function spoken(t, point, history) {
  const { at, min, max, mean } = point;
  const when = clock(t, at, history.to - history.from);
  if (mean === null) return t("unknownAt", { when });
  const n = rounded(mean);
  const parts = min === max ? [t("at", { n, when })] : [t("averageAt", { n, when }), t("fromTo", { min, max })];
  return [...parts, ...beside(t, point, history)].join(t("comma"));
}

/** Who else is on the line, and how many there were in what it is compared with. */
function beside(t, point, { comparison }) {
  const others = PARTIES.filter((party) => party !== "withAgent" && point[party] > 0);
  const all = others.length > 0 ? ["withAgent", ...others] : [];
  const parts = all.map((party) => t(`${party}N`, { n: rounded(point[party]) }));
  if (!comparison || comparison.isEmpty) return parts;
  const { compare } = comparison;
  const at = (point.at + point.end) / 2;
  const then = comparison.points.find((it) => it.at <= at && at < it.end);
  const isKnown = then && then.mean !== null;
  return [...parts, isKnown ? t(`${compare}N`, { n: rounded(then.mean) }) : t(`${compare}Unknown`)];
}

function rounded(value) {
  return Math.round(value * 10) / 10;
}

function move(node, places) {
  for (const [side, px] of Object.entries(places)) node.style.setProperty(side, `${px}px`);
}
