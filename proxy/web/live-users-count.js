// What is known about the live count; one link serves all elements of a page that ask the same
// proxy for the same at the same interval.

import { Link } from "./live-users-link.js";

/** The total, and for who is signed in the number of the calls that this person sees. */
export const TOTAL = "api/live-users";
export const SUMMARY = "api/live-users/summary";

const counts = new Map();

/**
 * What is known about the count.
 * @typedef {object} Snapshot
 * @property {"connecting" | "live" | "down"} state
 * @property {number | null} liveUsers the count; null unless the state is "live"
 * @property {number | null} lastLiveUsers the last count that was got, however old
 * @property {Date | null} asOf when that count was last known to be true
 * @property {string | null} error what is wrong, for people; null unless the state is "down"
 * @property {"websocket" | "sse" | "polling" | null} transport how the count comes
 */

/**
 * Tells `listener` the snapshot now and whenever it changes, until the returned function is called.
 * @param {URL} src
 * @param {string} path `TOTAL` or `SUMMARY`
 * @param {number} intervalMs between two polls, where nothing better is possible
 * @param {(snapshot: Snapshot) => void} listener
 * @returns {() => void}
 */
export function subscribe(src, path, intervalMs, listener) {
  const key = `${intervalMs} ${path} ${src}`;
  let count = counts.get(key);
  if (!count) {
    count = new Count(src, path, intervalMs);
    counts.set(key, count);
  }
  count.listeners.add(listener);
  listener(count.snapshot);
  return () => {
    count.listeners.delete(listener);
    // Later, not now: an element that is only moved comes back within the same task.
    queueMicrotask(() => {
      if (count.listeners.size === 0 && counts.get(key) === count) {
        counts.delete(key);
        count.close();
      }
    });
  };
}

class Count {
  listeners = new Set();
  /** @type {Snapshot} */
  snapshot = {
    state: "connecting",
    liveUsers: null,
    lastLiveUsers: null,
    asOf: null,
    error: null,
    transport: null,
  };
  #link;
  #frame = null;

  constructor(src, path, intervalMs) {
    const onFrame = (frame) => {
      this.#frame = frame;
      this.#publish();
    };
    this.#link = new Link({ src, path, intervalMs, onFrame, onState: () => this.#publish() });
  }

  close() {
    this.#link.close();
  }

  #publish() {
    const { state, transport, error } = this.#link.state;
    const before = this.snapshot;
    let present;
    switch (state) {
      case "live":
      case "polling":
        present = told(this.#frame, this.#link.heardAt);
        break;
      case "down":
        present = down(error);
        break;
      default:
        present = { state: "connecting", liveUsers: null };
    }
    if (before.state === "live" && present.state !== "live") {
      // It was true until the server last said something.
      present = { asOf: new Date(this.#link.heardAt), ...present };
    }
    this.snapshot = { ...before, error: null, ...present, transport };
    for (const listener of [...this.listeners]) listener(this.snapshot);
  }
}

function told(frame, heardAt) {
  const count = frame?.liveUsers;
  if (frame?.success === true && Number.isSafeInteger(count) && count >= 0) {
    return { state: "live", liveUsers: count, lastLiveUsers: count, asOf: new Date(heardAt) };
  }
  if (frame?.success !== false || typeof frame.error !== "string") {
    return down("the answer is not a count");
  }
  const asOf = new Date(frame.last?.asOf);
  if (!Number.isSafeInteger(frame.last?.liveUsers) || Number.isNaN(asOf.getTime())) {
    return down(frame.error);
  }
  return { ...down(frame.error), lastLiveUsers: frame.last.liveUsers, asOf };
}

function down(error) {
  return { state: "down", liveUsers: null, error };
}
