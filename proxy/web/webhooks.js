// Whether webhooks arrive: a notice when calls were found only by asking.

import { translator } from "/live-users-language.js";

import { onTick, setText } from "./dom.js";
import { age } from "./format.js";
import { byLanguage } from "./messages/webhooks.js";

const t = translator(byLanguage);

/** How often it is asked while the checklist is shown, and otherwise. */
const WATCHED_MS = 5_000;
const UNWATCHED_MS = 60_000;
/** So long without a webhook is worth a word, if calls were found this lately meanwhile. */
const QUIET_MS = 2 * 60_000;
const LATELY_MS = 15 * 60_000;

/** The kinds of webhooks that a call leads to. */
export const KINDS = ["voice", "speechResult", "callStatus"];

export class Webhooks {
  #store;
  #checklist = document.querySelector("#setup");
  #unheard = document.querySelector("#unheard");

  constructor(store) {
    this.#store = store;
    onTick(() => this.#tick());
  }

  draw() {
    const { value, isKnown } = this.#store.setup;
    if (!isKnown) return;
    const text = unheard(value, this.#elapsedMs);
    this.#unheard.hidden = text === null;
    setText(this.#unheard, text ?? "");
  }

  get #elapsedMs() {
    return performance.now() - this.#store.setup.receivedAt;
  }

  #tick() {
    if (!this.#store.setup.isKnown) return;
    const dueMs = this.#checklist.hidden ? UNWATCHED_MS : WATCHED_MS;
    if (this.#elapsedMs >= dueMs) this.#store.refreshSetup();
    this.draw();
  }
}

/** How many webhooks have come. */
export function accepted({ webhooks }) {
  return KINDS.reduce((sum, kind) => sum + webhooks[kind].accepted, 0);
}

/** Whether no webhook has come, and nothing else has happened either. */
export function areMissing({ setup: { value, isKnown }, isIdle }) {
  return isKnown && isIdle && accepted(value) === 0;
}

/**
 * What to say when webhooks are missing though there are calls; null if there is nothing to say.
 * @param {object} setup the answer of /setup
 * @param {number} elapsedMs how old that answer is
 */
export function unheard({ webhooks, foundByAsking }, elapsedMs) {
  const heardMs = KINDS.map((kind) => webhooks[kind].lastAgoMs).filter((ms) => ms !== null);
  const quietMs = Math.min(webhooks.sinceMs, ...heardMs);
  const foundMs = foundByAsking.lastAgoMs;
  const isLate = foundMs !== null && foundMs < quietMs && foundMs + elapsedMs < LATELY_MS;
  if (!isLate || quietMs + elapsedMs < QUIET_MS) return null;
  return t("unheard", { age: age(quietMs + elapsedMs) });
}
