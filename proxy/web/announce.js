// What whoever listens to the page is told: politely, and not more often than each ten seconds.

import { setText } from "./dom.js";

const INTERVAL_MS = 10_000;

export class Announcer {
  #region = document.querySelector("#announcement");
  #spokenAt = -Infinity;
  #timer = null;
  #text = "";

  /** Says this, or, if something was said just now, what is the newest when it is time again. */
  say(text) {
    if (text === this.#text) return;
    this.#text = text;
    if (this.#timer !== null) return;
    const waitMs = this.#spokenAt + INTERVAL_MS - performance.now();
    if (waitMs <= 0) this.#speak();
    else this.#timer = setTimeout(() => this.#speak(), waitMs);
  }

  #speak() {
    this.#timer = null;
    this.#spokenAt = performance.now();
    setText(this.#region, this.#text);
  }
}
