// The numbers of each account, as the summary has them.

import { translator } from "/live-users-language.js";

import { Bars } from "./bars.js";
import { setText } from "./dom.js";
import { calls, number } from "./format.js";
import { byLanguage } from "./messages/accounts.js";

const t = translator(byLanguage);

export class Accounts {
  #store;
  #panel = document.querySelector("#accounts");
  #count = document.querySelector("#accounts-count");
  #bars = new Bars(document.querySelector("#accounts-list"));

  constructor(store) {
    this.#store = store;
  }

  /** Of one account the whole page tells. */
  draw() {
    const { byAccount = [] } = this.#store.summary;
    const rows = this.#store.isOfOneAccount ? [] : byAccount;
    this.#panel.hidden = rows.length === 0;
    setText(this.#count, rows.length > 0 ? number(rows.length) : "");
    this.#bars.draw(rows.map(ofAccount));
  }
}

function ofAccount({ account, liveUsers, liveCalls }) {
  return {
    key: account ?? null,
    name: account ?? t("none"),
    title: account ?? t("noneTitle"),
    users: liveUsers,
    isQuiet: !account || liveUsers === 0,
    notes: () => [{ text: calls(liveCalls) }],
  };
}
