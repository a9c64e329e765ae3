// Asks whether a call is to be taken out of the count, and does it.

import { describeCall } from "./call-row.js";
import { Confirmation } from "./confirm.js";
import { ask } from "./reader.js";

const confirmation = new Confirmation("evict", "It was not removed");

const WARNING = "The call itself is not ended by it, and it is not counted again, whatever is heard of it.";

/**
 * Opens the dialog for a call.
 * @param {object} call
 * @param {() => void} done runs after it was taken out
 */
export function evict(call, done) {
  confirmation.ask(`${describeCall(call)} ${WARNING}`, async () => {
    await ask(`/calls/${encodeURIComponent(call.callSid)}/evict`, { method: "POST" });
    done();
  });
}
