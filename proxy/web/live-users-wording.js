// What an element says: its own messages, and those of what can be wrong.

import { languageOf, translator } from "./live-users-language.js";
import { ofServer } from "./live-users-server-errors.js";
import { byLanguage as ofLinks } from "./messages/link.js";
import { byLanguage as ofServers } from "./messages/server.js";

/**
 * Says the messages of an element in the language that there is around it now.
 * @param {Element} element
 * @param {object} byLanguage the messages of the element
 * @returns {[Function, (error: object | string | null) => string | null]} what says a message; and what is wrong, in
 *   words: a message has a `key` and `values`, and the server has its own words, of which those are known that it says
 *   of itself
 */
export function wording(element, byLanguage) {
  const language = languageOf(element, byLanguage);
  const [t, ofLink] = [translator(byLanguage, language), translator(ofLinks, language)];
  const server = translator(ofServers, language);
  const inWords = (error) => {
    if (error === null) return null;
    if (typeof error === "string") return ofServer(error, server);
    return (t.has(error.key) ? t : ofLink)(error.key, error.values);
  };
  return [t, inWords];
}
