// The button that shares a link, for admins alone. The shared links are loaded when they come into sight or one is made.

import { translator } from "/live-users-language.js";

import { setText } from "./dom.js";
import { byLanguage } from "./messages/sharing.js";
import { loadPart, loadWhile, once } from "./on-demand.js";
import { Trouble } from "./reader.js";

const t = translator(byLanguage);

// The page of a link has no such panel.
const panel = document.querySelector("#shared-links");
const trouble = document.querySelector("#shared-links-error");

export class Sharing {
  #store;
  #isShown = false;
  /** Gives what shows the links. */
  #links = once(async () => new (await loadPart(() => import("./shared-links.js"))).SharedLinks(this.#store));

  constructor(store) {
    this.#store = store;
    document.querySelector("#share-open")?.addEventListener("click", () => this.#share());
  }

  /** Who may not make links does not see that there are any. */
  draw() {
    if (panel === null || this.#isShown || !this.#store.seesAll) return;
    this.#isShown = true;
    panel.hidden = false;
    const watch = new IntersectionObserver((seen) => {
      if (!seen.some((it) => it.isIntersecting)) return;
      watch.disconnect();
      this.#list();
    });
    watch.observe(panel);
  }

  async #list() {
    const links = await loadWhile(() => true, () => this.#load(), ({ message }) => {
      tell(t("notShown", { error: message }));
    });
    links.draw();
  }

  async #share() {
    try {
      (await this.#load()).open();
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      tell(t("notShared", { error: error.message }));
    }
  }

  async #load() {
    const links = await this.#links();
    trouble.hidden = true;
    return links;
  }
}

function tell(text) {
  setText(trouble, text);
  trouble.hidden = false;
}
