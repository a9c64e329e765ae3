// A summary that comes as a snapshot and changes, which are JSON Merge Patches (RFC 7396).

const AGES = new Map([["averageSince", "averageMs"], ["longestSince", "longestMs"]]);

export class Changes {
  #frame;
  #document;

  /**
   * The summary after a frame; null if the frame says nothing new, and undefined if one before it is missing.
   * A frame of another kind is returned as it is.
   */
  take(message) {
    const { frame, since, snapshot, changed, ...head } = message ?? {};
    if (frame === undefined) return message;
    if (snapshot === undefined && since !== this.#frame) return undefined;
    if (since === frame) return null;
    this.#frame = frame;
    this.#document = merge(snapshot ?? this.#document, changed);
    return { ...unfold(this.#document, Date.parse(head.asOf)), ...head };
  }
}

const isObject = (value) => Object(value) === value && !Array.isArray(value);

/** Applies a patch to an object, and returns it. */
function merge(value, patch) {
  for (const name in patch) {
    const change = patch[name];
    if (change === null) delete value[name];
    else value[name] = isObject(change) ? merge(isObject(value[name]) ? value[name] : {}, change) : change;
  }
  return value;
}

/** Makes lists of objects that stand for them, and at this moment ages of moments. */
function unfold(value, now) {
  if (!isObject(value)) return value;
  const unfolded = {};
  for (const name in value) {
    const field = value[name];
    if (name.endsWith("[]")) unfolded[name.slice(0, -2)] = Object.keys(field).sort().map((key) => unfold(field[key], now));
    else if (AGES.has(name)) unfolded[AGES.get(name)] = Math.max(0, now - Date.parse(field));
    else unfolded[name] = unfold(field, now);
  }
  return unfolded;
}
