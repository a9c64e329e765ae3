// What the server says in English of trouble of its own, as messages of the section `server`. Only what pages and
// elements are told is here. A test of the proxy holds it against the server's own texts.

/** The key of each text, with `{}` where a number stands. */
const KEYS = new Map([
  ["the backend cannot be reached", "unreachable"],
  ["the backend's answer broke off or was not HTTP", "broken"],
  ["the backend did not answer in time", "slow"],
  ["the backend answered with a redirect", "redirect"],
  ["the backend answered with status {}", "status"],
  ["the backend's answer is too big", "tooBig"],
  ["the backend's answer is not JSON", "notJson"],
  ["the backend's answer is not a count", "notACount"],
  ["the backend's answer is not a JSON object", "notAnObject"],
  ["the backend's answer is not a picture", "notAPicture"],
  ["the backend's answer is not in the form that was asked for", "notRows"],
  ["the backend's answer is not a stream", "notAStream"],
  ["the backend's answer is not an access", "notAnAccess"],
  ["the token of this account was changed or removed", "accessEnded"],
  ["agent: there is no such agent here", "noSuchAgent"],
  ["the backend cannot tell the number of one agent: it is of an older version", "notOfAgent"],
  ["the backend has stopped", "ended"],
  ["the rows were read too slowly", "slowReader"],
  ["the proxy gave up asking the backend", "interrupted"],
  ["the total was read too often from this address (READS_PER_SECOND): expected a pause of {} s, or a stream", "tooOften"],
  ["the number is not public here (PUBLIC_TOTAL=false): expected `Bearer` and a token", "notPublic"],
  ["the backend has not told yet which sessions have ended: ask again in a second", "notYetKnown"],
  ["the backend refuses the proxy's BACKEND_TOKEN: expected the backend's API_TOKEN", "refused"],
  ["BACKEND_TOKEN is not set in the proxy: expected the backend's API_TOKEN", "noBackendToken"],
  ["the backend looks at no token now, after too many wrong ones", "throttled"],
  ["too many tokens are looked up at the same time", "manyLookups"],
]);

/**
 * The server's text in the language of a reader; as it came where it is not known, as of another version.
 * @param {string} text
 * @param {Function} t says a message of the section `server`
 */
export function ofServer(text, t) {
  const [number] = /\d+/.exec(text) ?? [];
  const key = KEYS.get(number === undefined ? text : text.replace(number, "{}"));
  return key === undefined ? text : t(key, { n: Number(number), status: number });
}
