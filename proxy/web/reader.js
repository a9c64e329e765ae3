// Asks the proxy for what is not in the frames of the link: calls, activity, why a call counts.

import { translator } from "/live-users-language.js";
import { ofServer } from "/live-users-server-errors.js";
import { byLanguage } from "/messages/link.js";
import { byLanguage as ofServers } from "/messages/server.js";

import { LANGUAGE_PARAMETER } from "./language-choice.js";
import { BASE, IS_LINK } from "./reading.js";

const TIMEOUT_MS = 10_000;
const RETRY_MS = 5_000;
const SIGN_IN = "/admin/sign-in";
const RELOAD_MS = 5_000;

const t = translator(byLanguage);

const server = translator(ofServers);

/** What the server says is wrong, in the language of the page. */
export function inOurWords(text) {
  return ofServer(text, server);
}

/** What is wrong with a link, in words. */
export function inWords({ key, values }) {
  return t(key, values);
}

/** An answer that is trouble, in words for people. */
export class Trouble extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/**
 * The body of an answer that says `success`. Who is not signed in is led to where that is done.
 * @param {string} path behind /api/live-users
 * @param {{method?: string, body?: object, signal?: AbortSignal}} options
 */
export async function ask(path, { method = "GET", body: sent, signal } = {}) {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const either = signal ? AbortSignal.any([signal, timeout]) : timeout;
  let response;
  let body;
  try {
    const options = { method, cache: "no-store", credentials: "same-origin", signal: either };
    if (sent !== undefined) Object.assign(options, { body: JSON.stringify(sent), headers: { "Content-Type": "application/json" } });
    response = await fetch(`${BASE}api/live-users${path}`, options);
    body = await response.json().catch(() => null);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Trouble(timeout.aborted ? t("late") : t("unreachable"), 0);
  }
  if (response.ok && body?.success === true) return body;
  if (response.status === 401) signIn();
  const error = typeof body?.error === "string" ? inOurWords(body.error) : t("status", { status: String(response.status) });
  throw new Trouble(error, response.status);
}

let reloading = null;

/** Leads to the sign-in, and from there back to what is shown now. */
export function signIn() {
  if (IS_LINK) {
    // The proxy says there whether the link was revoked or has ended. If it tells otherwise, that is not
    // done again and again.
    reloading ??= setTimeout(() => location.reload(), Math.max(0, RELOAD_MS - performance.now()));
    document.body.classList.add("is-over");
    return;
  }
  const here = new URL(location);
  const language = here.searchParams.get(LANGUAGE_PARAMETER);
  if (language !== null) here.searchParams.delete(LANGUAGE_PARAMETER);
  const search = new URLSearchParams({ next: here.pathname + here.search, ended: "lost" });
  if (language !== null) search.set(LANGUAGE_PARAMETER, language);
  // Where the cookie says more, the proxy tells that instead.
  location.assign(`${SIGN_IN}?${search}`);
}

/**
 * Runs one request at a time and not more often than the interval; what is asked for meanwhile is
 * done once, afterwards. After trouble it tries again by itself.
 */
export class Paced {
  #run;
  /** How far two requests are apart at least. */
  intervalMs;
  #timer = null;
  #request = null;
  #isWanted = false;
  #startedAt = -Infinity;

  /** @param {(signal: AbortSignal) => Promise<void>} run */
  constructor(run, intervalMs) {
    this.#run = run;
    this.intervalMs = intervalMs;
  }

  /** Something has changed: ask again, soon. */
  poke() {
    this.#isWanted = true;
    if (this.#request === null) this.#schedule(this.#startedAt + this.intervalMs - performance.now());
  }

  /** Something else is wanted: gives up what is under way, and asks at once. */
  restart() {
    this.stop();
    this.#isWanted = true;
    this.#schedule(0);
  }

  /** Gives up what is under way and forgets what was asked for. */
  stop() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#isWanted = false;
    this.#request?.abort();
    this.#request = null;
  }

  #schedule(afterMs) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#start(), Math.max(0, afterMs));
  }

  async #start() {
    this.#isWanted = false;
    this.#startedAt = performance.now();
    const request = new AbortController();
    this.#request = request;
    let hasFailed = false;
    try {
      await this.#run(request.signal);
    } catch (error) {
      hasFailed = !request.signal.aborted;
      if (hasFailed && !(error instanceof Trouble)) console.error(error);
    }
    if (this.#request !== request) return;
    this.#request = null;
    if (hasFailed) this.#schedule(RETRY_MS);
    else if (this.#isWanted) this.poke();
  }
}
