// The crosshair of <live-users-chart>: which point is looked at, by pointer or by keyboard.

import { pointLabel } from "./live-users-chart-scale.js";

const PAGE_POINTS = 10;

export class Crosshair {
  #stage;
  #hair;
  #spot;
  #tip;
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

  /** Takes a chart that was drawn anew. */
  show(history, drawn) {
    // The same moment is looked at, though it may be another point now.
    const at = this.#index === null ? null : this.#history.points[this.#index]?.at;
    this.#history = history;
    this.#drawn = drawn;
    this.#stage.setAttribute("aria-valuemax", Math.max(0, history.points.length - 1));
    const index = at === null ? -1 : history.points.findIndex((point) => point.at === at);
    this.#look(index < 0 ? null : index);
  }

  #last() {
    return this.#drawn?.places.findLastIndex((place) => place !== null) ?? -1;
  }

  #follow(event) {
    if (!this.#drawn) return;
    const x = event.clientX - this.#stage.getBoundingClientRect().left;
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
    const { from, to, stepMs } = this.#history;
    const share = (point.at + stepMs / 2 - from) / (to - from);
    const x = place?.x ?? box.left + Math.min(1, share) * (box.right - box.left);
    move(this.#hair, { left: x, top: box.top, height: box.bottom - box.top });
    if (place) move(this.#spot, { left: place.x, top: place.y });
    const [when, what, range] = words(point, this.#history);
    const line = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
    this.#tip.replaceChildren(line("b", what), ...(range ? [line("span", range)] : []), line("span", when));
    const room = this.#stage.clientWidth - this.#tip.offsetWidth;
    const beside = x + this.#tip.offsetWidth + 14 > this.#stage.clientWidth ? x - this.#tip.offsetWidth - 12 : x + 12;
    move(this.#tip, { left: Math.max(0, Math.min(room, beside)) });
    this.#say(index);
  }

  #say(index) {
    const point = this.#history?.points[index];
    this.#stage.setAttribute("aria-valuenow", Math.max(0, index));
    const text = point ? words(point, this.#history).filter(Boolean).join(", ") : "nothing yet";
    this.#stage.setAttribute("aria-valuetext", text);
  }
}

function words({ at, min, max, mean }, { stepMs, from, to }) {
  const when = pointLabel(at, stepMs, to - from);
  if (mean === null) return [when, "not known", null];
  const average = Math.round(mean * 10) / 10;
  if (min === max) return [when, `${average} ${average === 1 ? "user" : "users"} live`, null];
  return [when, `${average} ${average === 1 ? "user" : "users"} on average`, `from ${min} to ${max}`];
}

function move(node, places) {
  for (const [side, px] of Object.entries(places)) node.style.setProperty(side, `${px}px`);
}
