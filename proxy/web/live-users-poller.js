// Asks a proxy for the live count again and again; one poller serves all elements of a page that
// ask the same proxy at the same interval.

const FETCH_TIMEOUT_MS = 10_000;

// Past this many intervals, beside the time that a fetch may take, a number is not shown as live
// while the next answer is awaited: the computer slept, or the tab was frozen.
const FRESH_INTERVALS_MAX = 2;
const FRESH_CHECK_MS = 1000;

const pollers = new Map();

/**
 * What is known about the count.
 * @typedef {object} Snapshot
 * @property {"connecting" | "live" | "down"} state
 * @property {number | null} liveUsers the count; null unless the state is "live"
 * @property {number | null} lastLiveUsers the last count that was got, however old
 * @property {Date | null} asOf when that count was got
 * @property {string | null} error what is wrong, for people; null unless the state is "down"
 */

/**
 * Tells `listener` the snapshot now and after every answer, until the returned function is called.
 * @param {URL} url
 * @param {number} intervalMs
 * @param {(snapshot: Snapshot) => void} listener
 * @returns {() => void}
 */
export function subscribe(url, intervalMs, listener) {
  const key = `${intervalMs} ${url}`;
  let poller = pollers.get(key);
  if (!poller) {
    poller = new Poller(url, intervalMs);
    pollers.set(key, poller);
    poller.start();
  }
  poller.listeners.add(listener);
  listener(poller.snapshot);
  return () => {
    poller.listeners.delete(listener);
    // Later, not now: an element that is only moved comes back within the same task.
    queueMicrotask(() => {
      if (poller.listeners.size === 0 && pollers.get(key) === poller) {
        pollers.delete(key);
        poller.stop();
      }
    });
  };
}

class Poller {
  listeners = new Set();
  /** @type {Snapshot} */
  snapshot = { state: "connecting", liveUsers: null, lastLiveUsers: null, asOf: null, error: null };
  #url;
  #intervalMs;
  #timer;
  #freshness;
  #request = null;

  constructor(url, intervalMs) {
    this.#url = url;
    this.#intervalMs = intervalMs;
  }

  start() {
    document.addEventListener("visibilitychange", this.#wake);
    document.addEventListener("freeze", this.#doubt);
    document.addEventListener("resume", this.#wake);
    window.addEventListener("online", this.#wake);
    // A computer that wakes up says so to nobody.
    this.#freshness = setInterval(() => this.#isOld() && this.#wake(), FRESH_CHECK_MS);
    this.#poll();
  }

  stop() {
    document.removeEventListener("visibilitychange", this.#wake);
    document.removeEventListener("freeze", this.#doubt);
    document.removeEventListener("resume", this.#wake);
    window.removeEventListener("online", this.#wake);
    clearInterval(this.#freshness);
    clearTimeout(this.#timer);
    this.#request?.abort();
    this.#request = null;
  }

  // A request that is under way is replaced: it may hang on a network that is gone.
  #wake = () => {
    if (this.#isOld()) this.#doubt();
    if (document.visibilityState === "visible") this.#poll();
  };

  // Nobody knows any more whether the number is still true. A frozen tab runs no timer that could
  // say so later.
  #doubt = () => {
    if (this.snapshot.state === "live") this.#publish({ state: "connecting", liveUsers: null });
  };

  #isOld() {
    const ageMs = Date.now() - (this.snapshot.asOf ?? 0);
    const freshMs = FRESH_INTERVALS_MAX * this.#intervalMs + FETCH_TIMEOUT_MS;
    return this.snapshot.state === "live" && ageMs > freshMs;
  }

  async #poll() {
    if (this.#isOld()) this.#doubt();
    clearTimeout(this.#timer);
    this.#request?.abort();
    const request = new AbortController();
    this.#request = request;
    const answer = await ask(this.#url, request);
    if (this.#request !== request) return; // stopped, or another one has taken over
    this.#request = null;
    this.#timer = setTimeout(() => this.#poll(), this.#intervalMs);
    this.#publish(answer);
  }

  #publish(change) {
    this.snapshot = { ...this.snapshot, error: null, ...change };
    for (const listener of [...this.listeners]) listener(this.snapshot);
  }
}

async function ask(url, request) {
  let isLate = false;
  const timeout = setTimeout(() => {
    isLate = true;
    request.abort();
  }, FETCH_TIMEOUT_MS);
  try {
    const response = await fetch(url, { cache: "no-store", signal: request.signal });
    const answer = await response.json().catch((error) => {
      if (request.signal.aborted) throw error;
      return null;
    });
    const count = answer?.liveUsers;
    if (response.ok && answer?.success === true && Number.isSafeInteger(count) && count >= 0) {
      return { state: "live", liveUsers: count, lastLiveUsers: count, asOf: new Date() };
    }
    if (answer?.success === false && typeof answer.error === "string") return down(answer.error);
    return down(response.ok ? "the answer is not a count" : `the answer was ${response.status}`);
  } catch {
    return down(isLate ? "no answer in time" : "the server cannot be reached");
  } finally {
    clearTimeout(timeout);
  }
}

function down(error) {
  return { state: "down", liveUsers: null, error };
}
