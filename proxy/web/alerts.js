// The alerts of the agents file: those that fire, and what has happened to them lately.

import { translator } from "/live-users-language.js";

import { arrange, element, setText } from "./dom.js";
import { moment, number } from "./format.js";
import { byLanguage } from "./messages/alerts.js";

const t = translator(byLanguage);

export class Alerts {
  #store;
  #panel = document.querySelector("#alerts");
  #firing = document.querySelector("#alerts-firing");
  #calm = document.querySelector("#alerts-calm");
  #fold = document.querySelector("#alerts-fold");
  #recent = document.querySelector("#alerts-recent");
  #count = document.querySelector("#alerts-count");
  #items = new Map();

  constructor(store) {
    this.#store = store;
  }

  /** Where there are no alerts, or a backend of before knows of none, there is nothing to say. */
  draw() {
    const { alerts: { alerts = [], recent = [] } = {}, byAgent } = this.#store.summary;
    const names = new Map(byAgent.map(({ agent, name }) => [agent, name]));
    const firing = alerts.filter((it) => it.firing);
    this.#panel.hidden = alerts.length === 0 && recent.length === 0;
    this.#panel.classList.toggle("is-firing", firing.length > 0);
    setText(this.#count, firing.length > 0 ? number(firing.length) : "");
    setText(this.#calm, t("calm", { n: alerts.length }));
    this.#calm.hidden = firing.length > 0 || alerts.length === 0;
    const before = this.#items;
    this.#items = new Map(firing.map((alert) => {
      const node = before.get(alert.alert) ?? element("li");
      // The value is that of when it began, or was last told.
      const values = { alert: alert.alert, at: moment(alert.since), what: looksAt(alert, names) };
      setText(node, LEVELS.has(alert.when) && alert.value !== null ? t("then", values) : t("now", values));
      return [alert.alert, node];
    }));
    arrange(this.#firing, [...this.#items.values()]);
    this.#fold.hidden = recent.length === 0;
    const lines = recent.map((it) => {
      const values = { at: moment(it.at), alert: it.alert, what: looksAt(it, names) };
      return it.ruleChanged ? t("ruleChanged", values) : t(it.state, values);
    });
    if (this.#recent.textContent !== lines.join("")) {
      this.#recent.replaceChildren(...lines.map((line) => element("li", line)));
    }
  }
}

const LEVELS = new Set(["users", "capacity_share", "suspect_share"]);

/** What an alert looks at, and its value. */
function looksAt({ when, value, threshold, below = false, agent, source }, names) {
  const whose = agent === undefined ? undefined : names.get(agent) ?? agent;
  const limit = (text) => (below ? t("below", { limit: text }) : t("from", { limit: text }));
  const key = (name) => `${name}${value === null ? "" : "N"}${whose === undefined ? "" : "Of"}`;
  const share = (name) => t("limited", {
    what: t(key(name), { share: value === null ? "" : percent(value), agent: whose }),
    limit: limit(percent(threshold)),
  });
  switch (when) {
    case "users":
      return t("limited", { what: t(key("users"), { n: value, agent: whose }), limit: limit(number(threshold)) });
    case "capacity_share":
      return share("capacity");
    case "suspect_share":
      return share("suspect");
    case "no_webhooks":
      return t("noWebhooks", { n: threshold });
    case "source_silent":
      return t("sourceSilent", { n: threshold, source });
    case "referee_failing":
      return source === undefined ? t("refereeFailing") : t("providerFailing", { source });
    default:
      return when;
  }
}

function percent(n) {
  return t("percent", { n });
}
