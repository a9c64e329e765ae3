// What the server says in English of trouble of its own, as messages of the section `server`. Only what pages and
// elements are told is there, each by its English text. A test of the proxy holds it against the server's own texts.

/** Which shards tell no number, since when, and why if that is known. */
const MISSING_SHARDS = /^shards without a number: ([\d, ]+) \(since (\S+)\)(?:: (.+))?$/;

/**
 * The server's text in the language of a reader; as it came where it is not known, as of another version.
 * @param {string} text
 * @param {Function} t says a message of the section `server`
 */
export function ofServer(text, t) {
  const [, shards, since, why] = MISSING_SHARDS.exec(text) ?? [];
  if (since !== undefined) {
    const missing = t("shards without a number: {shards} (since {since})", { shards, since });
    return why === undefined ? missing : `${missing}: ${ofServer(why, t)}`;
  }
  const [number] = /\d+/.exec(text) ?? [];
  const key = number === undefined ? text : text.replace(number, "{n}");
  return t.has(key) ? t(key, { n: Number(number) }) : text;
}
