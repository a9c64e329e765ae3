// The server's time, as far as it has told: the computer's own clock may be wrong by hours.

const clock = { aheadMs: null };

/**
 * Takes what the server says its time was.
 * @param {string | undefined} text
 * @param {number} at when it came, on the clock of `performance.now()`
 */
export function noteServerTime(text, at) {
  const aheadMs = Date.parse(text) - at;
  if (Number.isNaN(aheadMs)) return;
  // What has come late says less of the time than what has come at once.
  clock.aheadMs = Math.max(clock.aheadMs ?? aheadMs, aheadMs);
}

/** The server's time now, in milliseconds since 1970; the computer's own until the server has told. */
export function serverNow() {
  return clock.aheadMs === null ? Date.now() : performance.now() + clock.aheadMs;
}
