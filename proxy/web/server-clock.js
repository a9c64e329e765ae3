// The clock of the server, for all parts of the page.

import { ServerClock } from "/live-users-server-clock.js";

const clock = new ServerClock();

/**
 * Takes what the server says its time was.
 * @param {string | undefined} text
 * @param {number} at when it came, on the clock of `performance.now()`
 */
export function noteServerTime(text, at) {
  clock.note(text, at);
}

/** The server's time now, in milliseconds since 1970; the computer's own until the server has told. */
export function serverNow() {
  return clock.timeAt(performance.now()) ?? Date.now();
}
