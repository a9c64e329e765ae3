// What an element says: its own messages, and those of what can be wrong.

import { languageOf, translator } from "./live-users-language.js";
import { byLanguage as ofLinks } from "./messages/link.js";

/**
 * Says the messages of an element in the language that there is around it now.
 * @param {Element} element
 * @param {object} byLanguage the messages of the element
 * @returns {[Function, (error: object | string | null) => string | null]} what says a message; and what is wrong, in
 *   words: a message has a `key` and `values`, and the server has its own words
 */
export function wording(element, byLanguage) {
  const language = languageOf(element, byLanguage);
  const [t, ofLink] = [translator(byLanguage, language), translator(ofLinks, language)];
  const inWords = (error) => {
    if (error === null || typeof error === "string") return error;
    return (t.has(error.key) ? t : ofLink)(error.key, error.values);
  };
  return [t, inWords];
}
