// Pages of cards for a screen on the wall, which nobody scrolls: each is shown for a while, one after
// the other, until every agent was shown.

import { translator } from "/live-users-language.js";

import { WALL_PAGE_SIZE } from "./cards.js";
import { setText } from "./dom.js";
import { byLanguage } from "./messages/wall.js";

const t = translator(byLanguage);

/** For how long each page is shown. */
const PAGE_MS = 10_000;
/** What is narrower hangs on no wall. */
const WALL = matchMedia("(min-width: 40rem)");

export class WallPages {
  #indicator;
  #onTurn;
  /** The cards in the order of this round, so that none is left out or shown twice when numbers change. */
  #round = [];
  #page = 0;
  #turnAt = 0;
  /** So many cards are on a page; fewer where the screen holds fewer. */
  #size = WALL_PAGE_SIZE;

  /**
   * @param {HTMLElement} indicator says which page it is
   * @param {() => void} onTurn draws the next page
   */
  constructor(indicator, onTurn) {
    this.#indicator = indicator;
    this.#onTurn = onTurn;
    // Another screen may hold more of them.
    addEventListener("resize", () => {
      if (this.#turnAt !== 0) this.#begin(this.#round);
    });
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
    if (this.#turnAt === 0 || this.#page * this.#size >= cards.length) this.#begin(cards);
    const pages = Math.ceil(cards.length / this.#size);
    const from = this.#page * this.#size;
    const shown = this.#round.slice(from, from + this.#size);
    this.#indicator.hidden = pages <= 1;
    if (pages > 1) {
      const to = from + shown.length;
      setText(this.#indicator, t("pages", { n: cards.length, from: from + 1, to, page: this.#page + 1, pages }));
    }
    return shown;
  }

  /** Whether a high screen does not hold all of these cards: then fewer are shown from now on. A phone is scrolled. */
  isTooLong(list) {
    const { scrollHeight, clientHeight } = document.scrollingElement;
    if (scrollHeight <= clientHeight || !WALL.matches) return false;
    const end = list.getBoundingClientRect().bottom - (scrollHeight - clientHeight);
    const fitting = [...list.children].filter((card) => card.getBoundingClientRect().bottom <= end).length;
    if (fitting === 0) return false;
    [this.#size, this.#page] = [fitting, 0];
    return true;
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
    this.#size = WALL_PAGE_SIZE;
    this.#turnAt = performance.now() + PAGE_MS;
  }
}
