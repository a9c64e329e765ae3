// The numbers of each account, as the summary has them.

import { translator } from "/live-users-language.js";

import { arrange, element, setText } from "./dom.js";
import { calls, number, userWord } from "./format.js";
import { byLanguage } from "./messages/accounts.js";

const t = translator(byLanguage);

export class Accounts {
  #store;
  #panel = document.querySelector("#accounts");
  #list = document.querySelector("#accounts-list");
  #count = document.querySelector("#accounts-count");
  #items = new Map();

  constructor(store) {
    this.#store = store;
  }

  /** Of one account the whole page tells. */
  draw() {
    const { byAccount = [] } = this.#store.summary;
    const rows = this.#store.isOfOneAccount ? [] : byAccount;
    this.#panel.hidden = rows.length === 0;
    setText(this.#count, rows.length > 0 ? number(rows.length) : "");
    const most = Math.max(1, ...rows.map((row) => row.liveUsers));
    const before = this.#items;
    this.#items = new Map();
    for (const row of rows) {
      const item = before.get(row.account) ?? new Item();
      item.show(row, row.liveUsers / most);
      this.#items.set(row.account, item);
    }
    arrange(this.#list, [...this.#items.values()].map((item) => item.node));
  }
}

class Item {
  node;
  #name = element("span.place-name");
  #users = element("span.place-users");
  #word = element("span.visually-hidden");
  #fill = element("div.bar-fill");
  #note = element("p.place-note");

  constructor() {
    this.node = element("li.place",
      element("p.place-line", this.#name, element("span.place-count", this.#users, this.#word)),
      element("div.bar-track", { "aria-hidden": "true" }, this.#fill),
      this.#note);
  }

  show({ account, liveUsers, liveCalls }, share) {
    setText(this.#name, account ?? t("none"));
    this.#name.title = account ?? t("noneTitle");
    setText(this.#users, number(liveUsers));
    setText(this.#word, ` ${userWord(liveUsers)}`);
    setText(this.#note, calls(liveCalls));
    this.node.classList.toggle("is-quiet", account === null || liveUsers === 0);
    this.#fill.style.setProperty("--load", share);
  }
}
