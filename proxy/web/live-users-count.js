// What is known about the live count; one link serves all elements of a page that ask the same
// proxy for the same at the same interval.

import { Link } from "./live-users-link.js";
import { NOT_A_COUNT } from "./live-users-transports.js";

/** The total, and for who is signed in the number of the calls that this person sees. */
export const TOTAL = "api/live-users";
export const SUMMARY = "api/live-users/summary";

const counts = new Map();

/**
 * What is known about the count.
 * @typedef {object} Snapshot
 * @property {"connecting" | "live" | "unsure" | "down"} state
 * @property {number | null} liveUsers the count; null unless the state is "live" or "unsure"
 * @property {number | null} suspect how many of them have been silent for a while; 0 while "live", null if
 *   there is no count
 * @property {number | null} lastLiveUsers the last count that was got, however old
 * @property {Date | null} asOf when that count was last known to be true, by the server's clock
 * @property {number | null} knownAt the same on the clock of `performance.now()`
 * @property {boolean} isLeast whether more time may have gone by since than that clock says
 * @property {object | string | null} error what is wrong: a message, as of a `Link`, or the server's own words;
 *   null unless the state is "down"
 * @property {"websocket" | "sse" | "polling" | null} transport how the count comes
 */

/**
 * Tells `listener` the snapshot now and whenever it changes, until the returned function is called.
 * @param {URL} src
 * @param {string} path `TOTAL` or `SUMMARY`
 * @param {string | null} agent whose total it is; null for all
 * @param {number} intervalMs between two polls, where nothing better is possible
 * @param {(snapshot: Snapshot) => void} listener
 * @returns {() => void}
 */
export function subscribe(src, path, agent, intervalMs, listener) {
  const key = `${intervalMs} ${path} ${src} ${agent ?? ""}`;
  let count = counts.get(key);
  if (!count) {
    count = new Count(src, path, agent, intervalMs);
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
    suspect: null,
    lastLiveUsers: null,
    asOf: null,
    knownAt: null,
    isLeast: false,
    error: null,
    transport: null,
  };
  #link;
  #frame = null;
  #framedAt = null;

  constructor(src, path, agent, intervalMs) {
    const onFrame = (frame) => {
      this.#frame = frame;
      this.#framedAt = performance.now();
      this.#publish();
    };
    this.#link = new Link({ src, path, agent, intervalMs, onFrame, onState: () => this.#publish() });
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
        present = told(this.#frame, this.#link.heardAt, this.#framedAt);
        break;
      case "down":
        present = down(error);
        break;
      default:
        present = { state: "connecting", liveUsers: null, suspect: null };
    }
    if (before.liveUsers !== null && present.liveUsers === null) {
      // It was true until the server last said something.
      present = { knownAt: this.#link.heardAt, ...present };
    }
    const { knownAt = before.knownAt } = present;
    if (present.asOf === undefined && knownAt !== null) {
      // Without the server's clock there is only the browser's own.
      const ownTime = () => new Date(Date.now() - (performance.now() - knownAt));
      present.asOf = this.#link.serverTime(knownAt) ?? ownTime();
    }
    present.isLeast = this.#link.mayHaveSlept;
    this.snapshot = { ...before, error: null, ...present, transport };
    for (const listener of [...this.listeners]) listener(this.snapshot);
  }
}

function told(frame, heardAt, framedAt) {
  const count = frame?.liveUsers;
  if (frame?.success === true && Number.isSafeInteger(count) && count >= 0) {
    // A summary has both: what is suspect at all, and what of it is worth telling.
    const doubt = Array.isArray(frame.byAgent) ? frame.publicSuspect : frame.suspect;
    const suspect = Number.isSafeInteger(doubt) && doubt > 0 ? doubt : 0;
    const state = suspect > 0 ? "unsure" : "live";
    return { state, liveUsers: count, suspect, lastLiveUsers: count, knownAt: heardAt };
  }
  if (frame?.success !== false || typeof frame.error !== "string") {
    return down(NOT_A_COUNT);
  }
  const asOf = new Date(frame.last?.asOf);
  if (!Number.isSafeInteger(frame.last?.liveUsers) || Number.isNaN(asOf.getTime())) {
    return down(frame.error);
  }
  // Both are by the server's clock. A proxy of before there was `now` leaves only the browser's.
  const sentAt = Date.parse(frame.now ?? new Date().toISOString());
  const knownAt = framedAt - Math.max(0, sentAt - asOf.getTime());
  return { ...down(frame.error), lastLiveUsers: frame.last.liveUsers, asOf, knownAt };
}

function down(error) {
  return { state: "down", liveUsers: null, suspect: null, error };
}
