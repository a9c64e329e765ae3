// Asks whether a call is to be taken out of the count, and does it.

import { translator } from "/live-users-language.js";

import { describeCall } from "./call-row.js";
import { Confirmation } from "./confirm.js";
import { byLanguage } from "./messages/evict.js";
import { ask } from "./reader.js";

const t = translator(byLanguage);

const confirmation = new Confirmation("evict", (error) => t("trouble", { error }));

/**
 * Opens the dialog for a call.
 * @param {object} call
 * @param {() => void} done runs after it was taken out
 */
export function evict(call, done) {
  confirmation.ask(`${describeCall(call)} ${t("warning")}`, async () => {
    await ask(`/calls/${encodeURIComponent(call.callSid)}/evict`, { method: "POST" });
    done();
  });
}
