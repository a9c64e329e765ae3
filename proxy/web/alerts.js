// The alerts of the agents file: those that fire, and what has happened to them lately.

import { translator } from "/live-users-language.js";

import { arrange, element, setText } from "./dom.js";
import { age, moment, number } from "./format.js";
import { byLanguage } from "./messages/alerts.js";
import { agentNames } from "./store.js";

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
    const { alerts: { alerts = [], recent = [] } = {} } = this.#store.summary;
    const names = agentNames(this.#store);
    const firing = alerts.filter((it) => it.firing);
    this.#panel.hidden = alerts.length === 0 && recent.length === 0;
    this.#panel.classList.toggle("is-firing", firing.length > 0);
    setText(this.#count, firing.length > 0 ? number(firing.length) : "");
    setText(this.#calm, t("calm", { n: alerts.length }));
    this.#calm.hidden = firing.length > 0 || alerts.length === 0;
    const before = this.#items;
    this.#items = new Map(firing.map((alert) => {
      const node = before.get(alert.alert) ?? element("li");
      say(node, alert.alert, t("since", { at: moment(alert.since) }), looksAt({ ...alert, value: null }, names));
      return [alert.alert, node];
    }));
    arrange(this.#firing, [...this.#items.values()]);
    this.#fold.hidden = recent.length === 0;
    const lines = recent.map((it) => {
      const what = t(it.ruleChanged ? "ruleChanged" : it.state);
      return say(element("li"), it.alert, `${moment(it.at)}${DOT}${what}`, looksAt(it, names));
    });
    if (this.#recent.textContent !== lines.map((line) => line.textContent).join("")) this.#recent.replaceChildren(...lines);
  }
}

/** Between what is no sentence together. */
const DOT = " · ";

/** Which alert it is, since when, and what it looks at: nothing is read out again if it is as it was. */
function say(node, name, when, what) {
  if (node.textContent !== [name, when, what].join(DOT)) {
    node.replaceChildren(element("strong", name), element("span.quiet", `${DOT}${when}`), `${DOT}${what}`);
  }
  return node;
}

/** What an alert looks at, with its value if there is one: that is of when it began or was last told, and not of now. */
function looksAt({ when, value = null, threshold, below = false, agent, source }, names) {
  const whose = agent === undefined ? undefined : names.get(agent) ?? agent;
  const key = (name) => `${name}${value === null ? "" : "N"}${whose === undefined ? "" : "Of"}`;
  const limited = (what, limit) => t("limited", { what, limit: t(below ? "below" : "from", { limit }) });
  const share = (name) => {
    const what = t(key(name), { share: value === null ? "" : percent(value), agent: whose });
    return limited(what, percent(threshold));
  };
  const silence = () => age(threshold * 1000);
  switch (when) {
    case "users":
      return limited(t(key("users"), { n: value, agent: whose }), number(threshold));
    case "capacity_share":
      return share("capacity");
    case "suspect_share":
      return share("suspect");
    case "no_webhooks":
      return t("noWebhooks", { age: silence() });
    case "source_silent":
      return t("sourceSilent", { age: silence(), source });
    case "referee_failing":
      return source === undefined ? t("refereeFailing") : t("providerFailing", { source });
    default:
      return when;
  }
}

function percent(n) {
  return t("percent", { n });
}
