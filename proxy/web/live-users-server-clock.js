// The server's time, as far as it has told: the computer's own clock may be wrong by hours.

export class ServerClock {
  /** How far the server's clock is before `performance.now()`; null until it has told. */
  #aheadMs = null;

  /**
   * Takes what the server says its time was.
   * @param {string | undefined} text
   * @param {number} at when it came, on the clock of `performance.now()`
   */
  note(text, at) {
    const aheadMs = Date.parse(text) - at;
    if (Number.isNaN(aheadMs)) return;
    // What has come late says less of the time than what has come at once.
    this.#aheadMs = Math.max(this.#aheadMs ?? aheadMs, aheadMs);
  }

  /** The server's time at a moment of `performance.now()`, in milliseconds since 1970; null until it has told. */
  timeAt(at) {
    return this.#aheadMs === null ? null : at + this.#aheadMs;
  }
}
