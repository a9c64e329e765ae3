// Asks whether a call is to be taken out of the count, and does it.

import { describeCall } from "./call-row.js";
import { setText } from "./dom.js";
import { Trouble, ask } from "./reader.js";

const dialog = document.querySelector("#evict");
const text = document.querySelector("#evict-text");
const trouble = document.querySelector("#evict-error");
const confirm = document.querySelector("#evict-confirm");
const cancel = document.querySelector("#evict-cancel");

const WARNING = "The call itself is not ended by it, and it is not counted again, whatever is heard of it.";

/**
 * Opens the dialog for a call.
 * @param {object} call
 * @param {() => void} done runs after it was taken out
 */
export function evict(call, done) {
  setText(text, `${describeCall(call)} ${WARNING}`);
  trouble.hidden = true;
  confirm.disabled = false;
  confirm.onclick = () => carryOut(call, done);
  dialog.showModal();
}

async function carryOut(call, done) {
  confirm.disabled = true;
  trouble.hidden = true;
  try {
    await ask(`/calls/${encodeURIComponent(call.callSid)}/evict`, { method: "POST" });
    dialog.close();
    done();
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    setText(trouble, `It was not removed: ${error.message}.`);
    trouble.hidden = false;
    confirm.disabled = false;
  }
}

cancel.addEventListener("click", () => dialog.close());
// A click beside the dialog is on the dialog itself: its content fills it.
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});
