// Parts of the page that are loaded when they are needed.

import { translator } from "/live-users-language.js";

import { element } from "./dom.js";
import { byLanguage } from "./messages/onDemand.js";
import { Trouble, inWords } from "./reader.js";

const t = translator(byLanguage);

const RETRY_MS = 5_000;
/** A page that lacks a part is not loaded again more often than this. */
const RELOAD_MS = 30_000;
const DIALOG_MS = 1_000;

/**
 * Loads a part, and its style sheet.
 * @template T
 * @param {() => Promise<T>} load imports the module
 * @param {string} [style] the id of the style sheet, which is disabled until then
 * @returns {Promise<T>}
 * @throws {Trouble} says why not
 */
export async function loadPart(load, style) {
  try {
    const [part] = await Promise.all([load(), style && enable(document.getElementById(style))]);
    return part;
  } catch (error) {
    // Our server has the parts of another version of the page.
    const isReplaced = error.status === 404;
    if (isReplaced) loadPageAgain();
    else if (error.status === undefined) console.error(error);
    throw new Trouble(isReplaced ? t(isHeldUp() ? "replacedByDialog" : "replaced") : inWords({ key: "unreachable" }), error.status);
  }
}

/**
 * Makes a part once, however often it is asked for; after trouble, the next time anew.
 * @template T
 * @param {() => Promise<T>} make
 * @returns {() => Promise<T>}
 */
export function once(make) {
  let made = null;
  return () => {
    made ??= make().catch((error) => {
      made = null;
      throw error;
    });
    return made;
  };
}

/**
 * Loads a part, after trouble again and again, as long as it is wanted.
 * @template T
 * @param {() => boolean} isWanted
 * @param {() => Promise<T>} load as `loadPart` does
 * @param {(trouble: Trouble) => void} tell
 * @returns {Promise<T | null>} null if it is not wanted any more
 */
export async function loadWhile(isWanted, load, tell) {
  while (isWanted()) {
    try {
      const part = await load();
      return isWanted() ? part : null;
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      if (isWanted()) tell(error);
    }
    await new Promise((go) => setTimeout(go, RETRY_MS));
  }
  return null;
}

function enable(link) {
  if (link === null || (!link.disabled && link.sheet !== null)) return;
  return new Promise((resolve, reject) => {
    link.addEventListener("load", resolve);
    link.addEventListener("error", () => {
      // Only a new one is loaded once more.
      const next = link.cloneNode();
      next.disabled = true;
      link.replaceWith(next);
      reject(Object.assign(new Error("a style sheet is missing"), { status: 0 }));
    });
    link.disabled = false;
  });
}

let reloading = null;

function loadPageAgain() {
  reloading ??= setTimeout(reload, Math.max(0, RELOAD_MS - performance.now()));
}

/** Whether the page waits: what somebody writes in a dialog is not lost. */
function isHeldUp() {
  return document.querySelector("dialog[open]") !== null;
}

function reload() {
  if (!isHeldUp()) location.reload();
  else setTimeout(reload, DIALOG_MS);
}

/** A panel of the page that is loaded when there is something to show in it. */
export class Panel {
  #section;
  #isNeeded;
  #load;
  #part = null;
  #isLoading = false;
  #trouble = element("p.trouble");

  /**
   * @param {string} id of its section, which is hidden until then
   * @param {() => boolean} isNeeded
   * @param {() => Promise<{ draw: () => void }>} load gives what draws it, as `loadPart` does
   */
  constructor(id, isNeeded, load) {
    this.#section = document.getElementById(id);
    [this.#isNeeded, this.#load] = [isNeeded, load];
  }

  draw() {
    if (this.#part !== null) this.#part.draw();
    else if (!this.#isLoading && this.#isNeeded()) this.#start();
  }

  async #start() {
    this.#isLoading = true;
    this.#part = await loadWhile(this.#isNeeded, this.#load, (trouble) => {
      this.#trouble.textContent = t("trouble", { error: trouble.message });
      this.#section.append(this.#trouble);
      this.#section.hidden = false;
    });
    this.#isLoading = false;
    if (this.#part === null && this.#trouble.isConnected) this.#section.hidden = true;
    this.#trouble.remove();
    this.#part?.draw();
  }
}
