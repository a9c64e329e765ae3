// What has happened lately, the newest first.

import { translator } from "/live-users-language.js";

import { arrange, element, onTick, setText } from "./dom.js";
import { COMMA, PARTIES, WITHHELD, ago, locality, moment, place, span, upper, words } from "./format.js";
import { byLanguage } from "./messages/feed.js";
import { serverNow } from "./server-clock.js";
import { agentNames } from "./store.js";

const t = translator(byLanguage);

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
    setText(this.#error, error === null ? "" : t("trouble", { error }));
    this.#empty.hidden = isKnown || error !== null;
    if (!isKnown) return;
    const names = agentNames(this.#store);
    const before = this.#items;
    this.#items = new Map();
    for (const activity of list) {
      const item = before.get(activity.cursor) ?? new Item();
      item.show(activity, names.get(activity.agent));
      this.#items.set(activity.cursor, item);
    }
    arrange(this.#list, [...this.#items.values()].map((item) => item.node));
    this.#list.hidden = list.length === 0;
    this.#empty.hidden = list.length > 0;
    setText(this.#empty, t("empty"));
    this.#tick();
  }

  #tick() {
    // An answer may come before the frame that tells the time: the newest thing has never not happened yet.
    const now = serverNow();
    for (const item of this.#items.values()) item.tick(now);
  }
}

class Item {
  node = element("li.activity");
  #at = 0;
  #when = element("time");
  #seen = "";

  /** Touches nothing if the activity is as it was. */
  show(activity, name) {
    // Of some calls it was never told which agent or number they were for.
    const agent = name ?? activity.agent ?? activity.address ?? null;
    const seen = JSON.stringify([activity, agent]);
    if (seen === this.#seen) return;
    this.#seen = seen;
    this.#at = Date.parse(activity.at);
    Object.assign(this.#when, { dateTime: activity.at, title: moment(activity.at) });
    this.node.className = `activity is-${kind(activity)}`;
    const about = element("p.about", element("span.caller", activity.caller ?? WITHHELD));
    if (agent !== null) about.append(" · ", agent);
    if (activity.country) about.append(" · ", locality(activity) || place(activity));
    about.title = [agent, place(activity)].filter((it) => it !== null).join(COMMA);
    this.node.replaceChildren(element("p.what", element("strong", title(activity)), this.#when), about);
  }

  tick(now) {
    setText(this.#when, ago(Math.max(0, now - this.#at)));
  }
}

function kind({ what }) {
  return ["started", "answered", "moved", "ended", "healed", "evicted"].includes(what) ? what : "other";
}

function title({ what, reason, durationMs, cause, direction, party, away }) {
  switch (what) {
    case "started":
      return direction === "outbound" ? t("startedOutbound") : t("started");
    case "answered":
      return t("answered");
    case "moved":
      if (away) return t("movedAway");
      return PARTIES.has(party) ? t(party) : t("moved");
    case "ended": {
      const isPlain = reason === undefined || reason === "completed";
      if (durationMs === undefined) return isPlain ? t("ended") : upper(words(reason));
      const values = { span: span(durationMs) };
      return isPlain ? t("endedAfter", values) : t("howAfter", { ...values, how: upper(words(reason)) });
    }
    case "healed":
      return cause === undefined ? t("healed") : t("healedBy", { cause: words(cause) });
    case "evicted":
      return durationMs === undefined ? t("evicted") : t("evictedAfter", { span: span(durationMs) });
    default:
      return words(what);
  }
}
