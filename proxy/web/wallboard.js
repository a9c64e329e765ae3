// The mode for a screen on the wall: of a shared link all the time, and on an admin's own page by
// `?wallboard` in the address, or the button. What only such a screen has is loaded for it.

import { translator } from "/live-users-language.js";

import { element } from "./dom.js";
import { byLanguage } from "./messages/wallMode.js";
import { loadPart, loadWhile, once } from "./on-demand.js";
import { Trouble } from "./reader.js";
import { IS_WALLBOARD } from "./reading.js";

const t = translator(byLanguage);

/** The parameter of the address. */
export const PARAMETER = "wallboard";
const STYLE = "wallboard-style";

/** Whether the page is in this mode. */
export function isOnWall() {
  return document.documentElement.classList.contains("wallboard");
}

/** Whether the page or the address says that it should be. */
export function isWallWanted() {
  return IS_WALLBOARD || new URLSearchParams(location.search).has(PARAMETER);
}

export class Wallboard {
  #store;
  #cards;
  /** Gives what the mode has. */
  #screen = once(async () => {
    const { WallboardScreen } = await loadPart(() => import("./wallboard-screen.js"), STYLE);
    return new WallboardScreen(this.#store, this.#cards);
  });
  #isToggling = false;
  #trouble = element("p.notice.is-warning", { role: "alert" });

  /** Starts in the mode that the page or the address says, and keeps the address true to it. */
  constructor(store, cards) {
    [this.#store, this.#cards] = [store, cards];
    if (isWallWanted()) this.#begin();
    // The page of a link has no such button.
    document.querySelector("#wallboard")?.addEventListener("click", () => this.#toggle());
    if (!IS_WALLBOARD) window.addEventListener("popstate", () => this.#begin());
  }

  async #begin() {
    // Its style has come with the page, and the rest comes in a moment.
    const isStyled = document.getElementById(STYLE)?.disabled === false;
    if (isWallWanted() && isStyled) document.documentElement.classList.add("wallboard");
    const screen = await loadWhile(() => isWallWanted() || isOnWall(), () => this.#load(), ({ message }) => {
      this.#tell(t("incomplete", { error: message }));
    });
    screen?.show(isWallWanted());
  }

  async #toggle() {
    if (this.#isToggling) return;
    this.#isToggling = true;
    try {
      await (await this.#load()).toggle();
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      this.#tell(t("notShown", { error: error.message }));
      this.#trouble.scrollIntoView();
    } finally {
      this.#isToggling = false;
    }
  }

  async #load() {
    const screen = await this.#screen();
    this.#trouble.remove();
    return screen;
  }

  #tell(text) {
    this.#trouble.textContent = text;
    document.querySelector("main").prepend(this.#trouble);
  }
}
