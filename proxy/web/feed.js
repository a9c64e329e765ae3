// What has happened lately, the newest first.

import { arrange, element, onTick, setText } from "./dom.js";
import { ago, moment, place, span, words } from "./format.js";

export class Feed {
  #store;
  #list = document.querySelector("#feed");
  #empty = document.querySelector("#activity-empty");
  #error = document.querySelector("#activity-error");
  #items = new Map();

  constructor(store) {
    this.#store = store;
    onTick(() => this.#tick());
  }

  draw() {
    const { list, isKnown, error } = this.#store.activities;
    this.#error.hidden = error === null;
    setText(this.#error, error === null ? "" : `The activity cannot be read: ${error}. Trying again.`);
    this.#empty.hidden = isKnown || error !== null;
    if (!isKnown) return;
    const names = new Map((this.#store.summary?.byAgent ?? []).map((row) => [row.agent, row.name]));
    const before = this.#items;
    this.#items = new Map();
    for (const activity of list) {
      const item = before.get(activity.cursor) ?? new Item(activity, names.get(activity.agent));
      this.#items.set(activity.cursor, item);
    }
    arrange(this.#list, [...this.#items.values()].map((item) => item.node));
    this.#list.hidden = list.length === 0;
    this.#empty.hidden = list.length > 0;
    setText(this.#empty, "Nothing has happened yet.");
    this.#tick();
  }

  #tick() {
    // The computer's clock may be wrong: the newest thing has never not happened yet.
    const now = Date.now();
    for (const item of this.#items.values()) item.tick(now);
  }
}

class Item {
  node;
  #at;
  #when;

  constructor(activity, name) {
    this.#at = Date.parse(activity.at);
    this.#when = element("time", { dateTime: activity.at, title: moment(activity.at) });
    const agent = name ?? activity.agent ?? activity.address ?? "Unknown number";
    this.node = element(`li.activity.is-${kind(activity)}`,
      element("p.what", element("strong", title(activity)), this.#when),
      element("p.about", element("span.caller", activity.caller ?? "withheld"), " · ", agent,
        activity.country ? ` · ${place(activity)}` : ""));
  }

  tick(now) {
    setText(this.#when, ago(Math.max(0, now - this.#at)));
  }
}

function kind({ what }) {
  return ["started", "answered", "ended", "healed", "evicted"].includes(what) ? what : "other";
}

function title({ what, reason, durationMs, cause, direction }) {
  switch (what) {
    case "started":
      return direction === "outbound" ? "Outbound call started" : "Call started";
    case "answered":
      return "Call answered";
    case "ended": {
      const lasted = durationMs === undefined ? "" : ` after ${span(durationMs)}`;
      const why = reason === undefined || reason === "completed" ? "" : `, ${words(reason)}`;
      return `Call ended${lasted}${why}`;
    }
    case "healed":
      return cause === undefined ? "Healed" : `Healed: ${words(cause)}`;
    case "evicted":
      return durationMs === undefined ? "Evicted" : `Evicted after ${span(durationMs)}`;
    default:
      return words(what);
  }
}
