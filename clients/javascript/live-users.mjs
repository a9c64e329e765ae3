// Tells Live Users who talks with a voice agent. Node 20 or later, Deno, Bun; no packages.
//
//     const live = new LiveUsers("https://calls.example.com", process.env.LIVE_USERS_SECRET, { agent: "booking" });
//     await live.call(callId, { caller: "+14155550100" }, async (call) => {
//       ...                          // whatever the call does
//       call.transferred();          // to a person, until call.returned()
//     });
//
// Events are sent in their order, behind the handling of calls, and a heartbeat of each call that is up.
// Nothing here waits for the network or throws into it: what goes wrong is logged, without numbers.

const BATCH = 100;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;
// What waiting does not change; anything else is tried again, a wrong secret too.
const WRONG_EVENT = [400, 413, 422];
const LASTING = ["call", "agent", "caller", "direction"];

/**
 * The calls of this process. `secret` is the token of a source of the kind `events`, or its secret
 * `whsec_...`, which signs each request. `heartbeatSeconds` is that of the source, or less; 0 sends none.
 */
export class LiveUsers {
  #url; #secret; #key; #agent; #queueMax; #timeoutMs; #log; #timer;
  #queue = [];
  #up = new Map();
  #ringing = new Set();
  #sending = null;
  #closed = false;
  #isFailing = false;
  #dropped = 0;
  #wake = () => {};

  constructor(url, secret, options = {}) {
    const { agent, heartbeatSeconds = 30, queueMax = 1000, timeoutMs = 5000, log = console } = options;
    if (!/^https?:\/\//.test(url)) throw new TypeError("url: expected http:// or https://");
    const base = url.replace(/\/+$/, "");
    this.#url = base.endsWith("/api/events") ? base : `${base}/api/events`;
    if (secret.startsWith("whsec_")) {
      this.#key = Uint8Array.from(atob(secret.slice(6)), (letter) => letter.charCodeAt(0));
    }
    [this.#secret, this.#agent, this.#queueMax, this.#timeoutMs, this.#log] = [secret, agent, queueMax, timeoutMs, log];
    if (heartbeatSeconds > 0) {
      this.#timer = setInterval(() => this.#beat(), heartbeatSeconds * 1000);
      this.#timer.unref?.();
    }
  }

  /**
   * A call is up; with `direction: "outbound"` it rings until it is `answered`. `caller` is a phone number
   * or an id of the person, `agent` the id of who talks with them, `with` `agent`, `person` or `machine`.
   */
  started(call, more) { this.#tell("started", call, more); }
  answered(call, more) { this.#tell("answered", call, more); }
  waiting(call, more) { this.#tell("waiting", call, more); }
  transferred(call, more) { this.#tell("transferred", call, more); }
  returned(call, more) { this.#tell("returned", call, more); }
  /** A call is over; `reason` may say why: completed, busy, failed, no-answer or canceled. */
  ended(call, more) { this.#tell("ended", call, more); }

  /** A call for as long as `handle` takes. */
  async call(call, more, handle) {
    this.started(call, more);
    let reason = "failed";
    try {
      const tell = (event) => (what) => this.#tell(event, call, what);
      const words = ["answered", "waiting", "transferred", "returned"];
      const result = await handle(Object.fromEntries(words.map((word) => [word, tell(word)])));
      reason = "completed";
      return result;
    } finally {
      this.ended(call, { reason });
    }
  }

  /** Sends what is queued, for as long as that. Calls that are up are not ended by it. */
  async close(timeoutMs = 5000) {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#wake();
    let timer;
    const late = new Promise((resolve) => { timer = setTimeout(resolve, timeoutMs); });
    await Promise.race([this.#sending, late]);
    clearTimeout(timer);
  }

  #tell(event, call, more = {}) {
    try {
      const fields = { ...dropUnset(more), call: String(call) };
      JSON.stringify(fields); // What cannot be sent is lost here, and not tried for ever.
      if (this.#closed) return this.#log.warn(`live users: ${event} is told after close(), and lost`);
      const told = stamped(event, this.#keep(event, fields));
      if (this.#queue.length >= this.#queueMax) {
        this.#queue.shift();
        this.#dropped += 1;
        if (this.#dropped === 1) this.#log.warn("live users: the queue is full, its oldest events are dropped");
      }
      this.#queue.push(told);
      this.#send();
    } catch (error) {
      this.#log.error("live users: an event is lost:", error?.message);
    }
  }

  // What was said of a call before and stays so is said again, in heartbeats too.
  #keep(event, fields) {
    const told = { ...(this.#up.get(fields.call) ?? dropUnset({ agent: this.#agent })), ...fields };
    this.#up.delete(told.call);
    this.#ringing.delete(told.call);
    // A call that rings has no heartbeat: it is not up.
    if (event === "started" && told.direction === "outbound") this.#ringing.add(told.call);
    if (event !== "ended") {
      this.#up.set(told.call, dropUnset(Object.fromEntries(LASTING.map((name) => [name, told[name]]))));
    }
    return told;
  }

  // One for all that are up. None piles up while events wait.
  #beat() {
    if (this.#sending !== null) return;
    const up = [...this.#up.values()].filter(({ call }) => !this.#ringing.has(call));
    this.#queue.push(...up.map((told) => stamped("heartbeat", told)));
    if (up.length > 0) this.#send();
  }

  #send() {
    this.#sending ??= this.#drain().finally(() => {
      this.#sending = null;
      // Told between the end of the loop and now.
      if (this.#queue.length > 0 && !this.#closed) this.#send();
    });
  }

  async #drain() {
    await null; // What is told in one go is sent together.
    let delay = FIRST_DELAY_MS;
    while (this.#queue.length > 0) {
      let batch = this.#queue.splice(0, BATCH);
      while (batch.length > 0) {
        try {
          const wrong = await this.#post(batch);
          delay = FIRST_DELAY_MS;
          if (wrong === null) break;
          if (batch.length === 1) {
            this.#log.error(`live users: an event ${batch[0].event} is refused: ${wrong}`);
            break;
          }
          // One wrong event spoils a batch: they go one by one.
          this.#queue.unshift(...batch.slice(1));
          batch = batch.slice(0, 1);
        } catch (error) {
          if (!this.#isFailing) {
            // The reason of a failed fetch is in its cause.
            const why = error?.cause?.code ?? error?.message;
            this.#log.warn(`live users: events wait, they are not taken: ${why}`);
          }
          this.#isFailing = true;
          if (this.#closed && delay > FIRST_DELAY_MS) return;
          await this.#pause(delay * (0.5 + Math.random() / 2));
          delay = Math.min(delay * 2, LONGEST_DELAY_MS);
        }
      }
    }
  }

  #pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#closed ? Math.min(ms, FIRST_DELAY_MS) : ms);
      this.#wake = () => { clearTimeout(timer); resolve(); };
      // An outage of Live Users keeps no process from its end.
      timer.unref?.();
    });
  }

  // Null if it is taken, a text if an event is wrong; throws if it is to be tried again.
  async #post(batch) {
    const body = JSON.stringify(batch);
    const headers = { "content-type": "application/json" };
    if (this.#key === undefined) headers.authorization = `Bearer ${this.#secret}`;
    else Object.assign(headers, await signature(this.#key, batch[0].id, body));
    // A redirected POST may become a GET, and take the token to another host.
    const signal = AbortSignal.timeout(this.#timeoutMs);
    const answer = await fetch(this.#url, { method: "POST", headers, body, signal, redirect: "manual" });
    const text = await answer.text();
    if (WRONG_EVENT.includes(answer.status)) return text.slice(0, 300);
    if (!answer.ok) throw new Error(`the answer is ${answer.status}`);
    if (this.#isFailing) this.#log.warn(`live users: events are taken again, ${this.#dropped} were dropped`);
    [this.#isFailing, this.#dropped] = [false, 0];
    return null;
  }
}

// The headers of Standard Webhooks.
async function signature(key, id, body) {
  const seconds = String(Math.floor(Date.now() / 1000));
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, hmac, false, ["sign"]);
  const mac = await crypto.subtle.sign("HMAC", imported, new TextEncoder().encode(`${id}.${seconds}.${body}`));
  const text = btoa(String.fromCharCode(...new Uint8Array(mac)));
  return { "webhook-id": id, "webhook-timestamp": seconds, "webhook-signature": `v1,${text}` };
}

// With an id that stays the same when it is sent again, and the time at which it happened.
function stamped(event, told) {
  return { ...told, event, id: crypto.randomUUID(), at: Date.now() };
}

function dropUnset(fields) {
  return Object.fromEntries(Object.entries(fields ?? {}).filter(([, value]) => value !== undefined && value !== null));
}
