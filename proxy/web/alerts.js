// The alerts of the agents file: those that fire, and what has happened to them lately.

import { arrange, element, setText } from "./dom.js";
import { moment, number } from "./format.js";

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
    setText(this.#calm, `None of ${number(alerts.length)} fires.`);
    this.#calm.hidden = firing.length > 0 || alerts.length === 0;
    const before = this.#items;
    this.#items = new Map(firing.map((alert) => {
      const node = before.get(alert.alert) ?? element("li");
      // The value is that of when it began, or was last told.
      const then = LEVELS.has(alert.when) && alert.value !== null ? "then " : "";
      setText(node, `${alert.alert} since ${moment(alert.since)}: ${then}${looksAt(alert, names)}`);
      return [alert.alert, node];
    }));
    arrange(this.#firing, [...this.#items.values()]);
    this.#fold.hidden = recent.length === 0;
    const lines = recent.map((it) => `${moment(it.at)} ${it.alert} ${happened(it)}: ${looksAt(it, names)}`);
    if (this.#recent.textContent !== lines.join("")) {
      this.#recent.replaceChildren(...lines.map((line) => element("li", line)));
    }
  }
}

const LEVELS = new Set(["users", "capacity_share", "suspect_share"]);

const STATES = { firing: "fires", resolved: "is over", test: "was tested" };

function happened({ state, ruleChanged }) {
  return ruleChanged ? "is over, since its rule was changed" : STATES[state] ?? state;
}

/** What an alert looks at, and its value. */
function looksAt({ when, value, threshold, below = false, agent, source }, names) {
  const whose = agent === undefined ? "" : ` of ${names.get(agent) ?? agent}`;
  const n = value === null ? "" : number(value);
  const limit = (unit = "") => `${below ? "below" : "from"} ${number(threshold)}${unit}${below ? "" : " on"}`;
  switch (when) {
    case "users":
      return value === null ? `live users${whose}, ${limit()}` : `${n} live users${whose}, ${limit()}`;
    case "capacity_share":
      return `${percent(n)}the capacity${whose} taken, ${limit(" %")}`;
    case "suspect_share":
      return `${percent(n)}the live users${whose} suspect, ${limit(" %")}`;
    case "no_webhooks":
      return `no webhooks for ${number(threshold)} s`;
    case "source_silent":
      return `nothing from ${source} for ${number(threshold)} s`;
    case "referee_failing":
      return source === undefined ? "who is asked which calls are up does not answer" : `the provider of ${source} does not answer`;
    default:
      return when;
  }
}

function percent(n) {
  return n === "" ? "" : `${n} % of `;
}
