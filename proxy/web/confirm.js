// Asks before something is done that cannot be undone, in one of the page's dialogs.

import { setText } from "./dom.js";
import { Trouble } from "./reader.js";

/** A dialog with a question, a button that does it, and one that leaves it. */
export class Confirmation {
  #dialog;
  #text;
  #trouble;
  #confirm;
  #failed;

  /**
   * @param {string} id of the dialog; those of its parts begin with it
   * @param {(error: string) => string} failed what is told if it could not be done, and why
   */
  constructor(id, failed) {
    const part = (name) => document.querySelector(`#${id}${name}`);
    this.#dialog = part("");
    this.#text = part("-text");
    this.#trouble = part("-error");
    this.#confirm = part("-confirm");
    this.#failed = failed;
    part("-cancel").addEventListener("click", () => this.#dialog.close());
    // A click beside the dialog is on the dialog itself: its content fills it.
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog) this.#dialog.close();
    });
  }

  /**
   * Opens the dialog. It closes when this is done, and tells of trouble until then.
   * @param {string} text
   * @param {() => Promise<void>} act
   */
  ask(text, act) {
    setText(this.#text, text);
    this.#trouble.hidden = true;
    this.#confirm.disabled = false;
    this.#confirm.onclick = () => this.#carryOut(act);
    this.#dialog.showModal();
  }

  async #carryOut(act) {
    this.#confirm.disabled = true;
    this.#trouble.hidden = true;
    try {
      await act();
      this.#dialog.close();
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      setText(this.#trouble, this.#failed(error.message));
      this.#trouble.hidden = false;
      this.#confirm.disabled = false;
    }
  }
}
