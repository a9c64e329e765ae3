// The chart of the page: it draws from the page's own stream, keeps the range that its reader has chosen, and exports
// what it shows.

import { translator } from "/live-users-language.js";

import { setText } from "./dom.js";
import { byLanguage } from "./messages/chartExport.js";
import { IS_WALLBOARD } from "./reading.js";

const t = translator(byLanguage);

const CHOSEN = "live-users.chart.range";

export class Chart {
  #chart = document.querySelector("live-users-chart");
  #export = document.querySelector("#history-export");
  #store;

  constructor(store) {
    this.#store = store;
    // A screen on the wall shows its own range, whatever an admin has chosen in the same browser.
    if (IS_WALLBOARD) return;
    const chosen = read();
    if (chosen !== null) this.#chart.range = chosen;
    this.#chart.addEventListener("live-users-chart-change", ({ detail }) => {
      const range = this.#chart.getAttribute("range");
      if (range !== "auto") keep(range);
      this.#export.href = detail.url;
      setText(this.#export, t(detail.range));
    });
  }

  draw() {
    this.#chart.takeFrame(this.#store.summary);
  }

  drawLink() {
    const { error, link, knownAt } = this.#store;
    this.#chart.takeState({ state: error === null ? link.state : "down", error, knownAt });
  }
}

// A browser may keep nothing, and says so by an error.
function read() {
  try {
    return localStorage.getItem(CHOSEN);
  } catch {
    return null;
  }
}

function keep(range) {
  try {
    localStorage.setItem(CHOSEN, range);
  } catch {
    // The choice stays as long as the page.
  }
}
