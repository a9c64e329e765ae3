// Lists of how many users there are of each of something, with a bar for each.

import { arrange, element, setText } from "./dom.js";
import { number, userWord } from "./format.js";

/** The bars of a list: one that stays is the same element. */
export class Bars {
  #list;
  #bars = new Map();

  /** @param {Element} list */
  constructor(list) {
    this.#list = list;
  }

  /**
   * Draws a bar for each, which is as long as its share of the most.
   * @param {{ key: string | null, name: string, title?: string, users: number, isQuiet: boolean,
   *   notes: () => { text: string, isTrouble?: boolean }[] }[]} rows what stands in `notes` may change with time
   */
  draw(rows) {
    const most = Math.max(1, ...rows.map((row) => row.users));
    const before = this.#bars;
    this.#bars = new Map();
    for (const row of rows) {
      const bar = before.get(row.key) ?? new Bar();
      bar.show(row, row.users / most);
      this.#bars.set(row.key, bar);
    }
    arrange(this.#list, [...this.#bars.values()].map((bar) => bar.node));
  }

  tick() {
    for (const bar of this.#bars.values()) bar.tick();
  }
}

class Bar {
  node;
  #name = element("span.place-name");
  #users = element("span.place-users");
  #word = element("span.visually-hidden");
  #fill = element("div.bar-fill");
  #notes = [];
  #row = null;

  constructor() {
    this.node = element("li.place",
      element("p.place-line", this.#name, element("span.place-count", this.#users, this.#word)),
      element("div.bar-track", { "aria-hidden": "true" }, this.#fill));
  }

  show(row, share) {
    this.#row = row;
    setText(this.#name, row.name);
    this.#name.title = row.title ?? "";
    setText(this.#users, number(row.users));
    setText(this.#word, ` ${userWord(row.users)}`);
    this.node.classList.toggle("is-quiet", row.isQuiet);
    this.#fill.style.setProperty("--load", share);
    this.tick();
  }

  tick() {
    const notes = this.#row.notes();
    while (this.#notes.length < notes.length) {
      const node = element("p.place-note");
      this.#notes.push(node);
      this.node.append(node);
    }
    for (const [n, node] of this.#notes.entries()) {
      const { text = "", isTrouble = false } = notes[n] ?? {};
      setText(node, text);
      node.hidden = text === "";
      node.classList.toggle("is-trouble", isTrouble);
    }
  }
}
