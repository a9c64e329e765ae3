// Pages of cards for a screen on the wall, which nobody scrolls: each is shown for a while, one after
// the other, until every agent was shown.

import { translator } from "/live-users-language.js";

import { WALL_PAGE_SIZE } from "./cards.js";
import { setText } from "./dom.js";
import { byLanguage } from "./messages/wall.js";

const t = translator(byLanguage);

/** For how long each page is shown. */
const PAGE_MS = 10_000;

export class WallPages {
  #indicator;
  #onTurn;
  /** The cards in the order of this round, so that none is left out or shown twice when numbers change. */
  #round = [];
  #page = 0;
  #turnAt = 0;

  /**
   * @param {HTMLElement} indicator says which page it is
   * @param {() => void} onTurn draws the next page
   */
  constructor(indicator, onTurn) {
    this.#indicator = indicator;
    this.#onTurn = onTurn;
  }

  /**
   * Those of the cards that are shown now, all of which come in the order that a round begins with.
   * @template T
   * @param {T[]} cards
   * @returns {T[]}
   */
  shown(cards) {
    const isKnown = new Set(cards);
    this.#round = this.#round.filter((card) => isKnown.has(card));
    const isInRound = new Set(this.#round);
    this.#round.push(...cards.filter((card) => !isInRound.has(card)));
    const pages = Math.ceil(cards.length / WALL_PAGE_SIZE);
    if (this.#page >= pages || this.#turnAt === 0) this.#begin(cards);
    const from = this.#page * WALL_PAGE_SIZE;
    const shown = this.#round.slice(from, from + WALL_PAGE_SIZE);
    this.#indicator.hidden = pages <= 1;
    if (pages > 1) {
      const to = from + shown.length;
      setText(this.#indicator, t("pages", { n: cards.length, from: from + 1, to, page: this.#page + 1, pages }));
    }
    return shown;
  }

  /** Nothing is in pages any more. */
  stop() {
    this.#turnAt = 0;
    this.#indicator.hidden = true;
  }

  /** Turns the page when it is time. */
  tick() {
    if (this.#turnAt === 0 || this.#indicator.hidden || performance.now() < this.#turnAt) return;
    this.#turnAt = performance.now() + PAGE_MS;
    this.#page += 1;
    this.#onTurn();
  }

  #begin(cards) {
    this.#round = [...cards];
    this.#page = 0;
    this.#turnAt = performance.now() + PAGE_MS;
  }
}
