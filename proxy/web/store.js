// All that the page knows, and who wants to hear when it changes.

import { translator } from "/live-users-language.js";

import { byLanguage } from "./messages/store.js";
import { Paced, Trouble, ask, inOurWords, inWords, signIn } from "./reader.js";
import { SEES_CALLS } from "./reading.js";
import { noteServerTime } from "./server-clock.js";

const t = translator(byLanguage);

/** So many calls are shown to begin with, and so many the server gives at once. */
const CALLS_FIRST = 100;
const CALLS_AT_ONCE_MAX = 1000;
/** Of many calls the list is read less often, by so much for each. */
const INTERVAL_MS_PER_CALL = 1.5;
const ACTIVITIES_MAX = 60;
const INTERVAL_MS = 500;
const SETUP_INTERVAL_MS = 2_000;

/**
 * What each part of the page draws from. `receivedAt` is on the clock of `performance.now()`, so
 * that spans go on from it whatever the computer's own clock says.
 */
export class Store extends EventTarget {
  summary = null;
  /** What this reader may see and do: { id, role, accounts }; null until it is known. */
  access = null;
  receivedAt = 0;
  link = { state: "connecting", transport: null, error: null };
  /** When what is shown was last known to be true, on the clock of `performance.now()`. */
  knownAt = null;
  /** The last number that the server knew, { liveUsers, at }, of before this page was opened. */
  last = null;
  /** When the server last said something, on the same clock. */
  heardAt = () => null;
  /** `filter` is that of the list: what is wanted may be another one already. */
  calls = { list: [], filter: "", receivedAt: 0, next: null, matching: 0, total: 0, isKnown: false, isLoading: false, error: null };
  /** Which calls are wanted, as the query of a request. */
  callFilter = "";
  activities = { list: [], isKnown: false, error: null };
  /** How Twilio is connected with the backend; stays unknown with a backend that cannot tell. */
  setup = { value: null, receivedAt: 0, isKnown: false };
  #frameError = null;
  /** When the link was lost, on the same clock; null while it is up. */
  #lostAt = 0;
  #heard = "";
  #callsWanted = CALLS_FIRST;
  #callsReader = new Paced((signal) => this.#readCalls(signal), INTERVAL_MS);
  #activityReader = new Paced((signal) => this.#readActivities(signal), INTERVAL_MS);
  #setupReader = new Paced((signal) => this.#readSetup(signal), SETUP_INTERVAL_MS);
  #accessReader = new Paced((signal) => this.#readAccess(signal), INTERVAL_MS);

  constructor() {
    super();
    const first = document.querySelector("#first-data");
    if (first === null) this.#accessReader.poke();
    else this.#takeFirst(JSON.parse(first.textContent));
  }

  /** Takes what came with the page, which is as old as the page. */
  #takeFirst({ access, summary }) {
    this.access = access;
    this.takeFrame(summary);
    const [page] = performance.getEntriesByType("navigation");
    this.receivedAt = this.knownAt = page.responseStart;
    noteServerTime(summary.now ?? summary.asOf, page.responseStart);
  }

  /** Whether this reader sees all that there is, the settings included. */
  get seesAll() {
    return this.access !== null && this.access.id === null;
  }

  /** Whether all that is shown is of some accounts alone; it is held to be so until that is known. */
  get isOfSomeAccounts() {
    const { accounts, link } = this.access ?? {};
    return accounts !== null || (link !== undefined && !link.scope.all);
  }

  /** Whose numbers all that is shown has: accounts, or the name of a link; empty where they are of all calls. */
  get whose() {
    const { accounts, link } = this.access ?? {};
    return link === undefined ? accounts ?? [] : [link.name];
  }

  /** Whether this reader may take calls out of the count. */
  get mayEvict() {
    return this.access?.role === "operate";
  }

  /** Whether all that is shown is of one account, so that no part need say so. */
  get isOfOneAccount() {
    return this.access?.accounts?.length === 1;
  }

  /** Whether what is shown is what is: numbers tick only then. */
  get isLive() {
    return this.error === null && (this.link.state === "live" || this.link.state === "polling");
  }

  /** What is wrong with what is shown, for people; null if nothing is. */
  get error() {
    return this.link.error ?? this.#frameError;
  }

  /** How long ago the summary was received; stands still while nobody knows. */
  get elapsedMs() {
    return this.elapsedSince(this.receivedAt);
  }

  /** The same of something else that was received then. It never goes back: what was told once stays told. */
  elapsedSince(receivedAt) {
    return Math.max(0, (this.#lostAt ?? performance.now()) - receivedAt);
  }

  #noteLoss() {
    if (this.isLive) this.#lostAt = null;
    else this.#lostAt ??= performance.now();
  }

  /** Whether nothing is known to have happened. */
  get isIdle() {
    return this.activities.isKnown && this.activities.list.length === 0;
  }

  /** Takes a frame of the link. */
  takeFrame = (frame) => {
    noteServerTime(frame?.now ?? frame?.asOf, performance.now());
    if (frame?.success === false || !Array.isArray(frame?.byAgent)) {
      this.#frameError = typeof frame?.error === "string" ? inOurWords(frame.error) : t("noSummary");
      this.#noteLoss();
      // Both are by the server's clock.
      const ageMs = Date.parse(frame?.now) - Date.parse(frame?.last?.asOf);
      if (ageMs >= 0 && this.knownAt !== null) this.knownAt = performance.now() - ageMs;
      if (ageMs >= 0 && this.knownAt === null) {
        this.last = { liveUsers: frame.last.liveUsers, at: performance.now() - ageMs };
      }
      this.#tell("link");
      this.#refreshWithoutSummary();
      return;
    }
    const hadError = this.#frameError !== null;
    this.#frameError = null;
    this.#noteLoss();
    this.summary = frame;
    this.receivedAt = performance.now();
    this.knownAt = this.receivedAt;
    this.#tell("summary");
    if (hadError) this.#tell("link");
    // Calls become suspect without any record.
    const heard = `${frame.epoch} ${frame.seq} ${frame.suspect}`;
    if (heard !== this.#heard) this.refresh();
    this.#heard = heard;
  };

  /** Takes what the link says of itself. */
  takeState = (link) => {
    if (link.status === 401) signIn();
    const wasLive = this.isLive;
    this.link = { ...link, error: link.error && inWords(link.error) };
    this.#noteLoss();
    // What was shown was true until the server last said something.
    if (wasLive && !this.isLive && this.knownAt !== null) this.knownAt = this.heardAt() ?? this.knownAt;
    this.#tell("link");
    if (link.error !== null) this.#refreshWithoutSummary();
  };

  /** The checklist may say why there is no summary, and no frame brings it. */
  #refreshWithoutSummary() {
    if (!this.setup.isKnown) this.refresh();
  }

  /** Asks for calls and activity again. */
  refresh() {
    if (SEES_CALLS) {
      this.#callsReader.poke();
      this.#activityReader.poke();
    }
    // Later on, the part that draws it asks for it now and then.
    if (!this.setup.isKnown || this.isIdle) this.refreshSetup();
  }

  /** Wants the calls that this query chooses; whether these are others than before. */
  filterCalls(query) {
    if (query === this.callFilter) return false;
    this.callFilter = query;
    this.#callsWanted = CALLS_FIRST;
    this.#callsReader.restart();
    return true;
  }

  /** Wants as many calls again as there are now. */
  loadMoreCalls() {
    if (this.calls.next === null || this.calls.isLoading) return;
    this.#callsWanted = Math.max(CALLS_FIRST, this.calls.list.length) * 2;
    this.calls = { ...this.calls, isLoading: true };
    this.#tell("calls");
    this.#callsReader.restart();
  }

  /** Asks again how Twilio is connected. */
  refreshSetup() {
    if (this.seesAll) this.#setupReader.poke();
  }

  async #readAccess(signal) {
    const { id, role, accounts, link } = await ask("/access", { signal });
    this.access = { id, role, accounts, link };
    this.#tell("access");
    if (!this.setup.isKnown) this.refreshSetup();
  }

  async #readCalls(signal) {
    try {
      const read = await this.#readCallPages(signal);
      this.calls = { ...read, receivedAt: performance.now(), isKnown: true, isLoading: false, error: null };
      this.#callsReader.intervalMs = Math.max(INTERVAL_MS, read.list.length * INTERVAL_MS_PER_CALL);
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      this.calls = { ...this.calls, isLoading: false, error: error.message };
      throw error;
    } finally {
      this.#tell("calls");
    }
  }

  /** All that is wanted, page by page. */
  async #readCallPages(signal) {
    const list = [];
    const wanted = this.callFilter;
    let page = { next: null };
    do {
      const limit = Math.min(CALLS_AT_ONCE_MAX, this.#callsWanted - list.length);
      const after = page.next === null ? "" : `&after=${encodeURIComponent(page.next)}`;
      const filter = wanted === "" ? "" : `&${wanted}`;
      // Who waits for an answer is on the line, too.
      page = await ask(`/calls?limit=${limit}&dialing=true${after}${filter}`, { signal });
      list.push(...page.calls);
    } while (page.next !== null && list.length < this.#callsWanted);
    const { next, matching = list.length, total = matching, epoch } = page;
    // What several shards tell together is of no journal.
    return { list, filter: wanted, next, matching, total, isOfShards: epoch === undefined };
  }

  async #readActivities(signal) {
    try {
      // Always all of what is shown: how long a call was may be told after its end.
      const { activities } = await ask(`/activity?limit=${ACTIVITIES_MAX}`, { signal });
      this.activities = { list: activities, isKnown: true, error: null };
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      this.activities = { ...this.activities, error: error.message };
      throw error;
    } finally {
      this.#tell("activities");
    }
  }

  async #readSetup(signal) {
    try {
      const value = await ask("/setup", { signal });
      this.setup = { value, receivedAt: performance.now(), isKnown: true };
      this.#tell("setup");
    } catch (error) {
      // A backend of before has no such path, and of several shards each has its own: nothing is said.
      if (!(error instanceof Trouble) || ![400, 404].includes(error.status)) throw error;
    }
  }

  #tell(what) {
    this.dispatchEvent(new Event(what));
  }
}

/**
 * Who tells of calls. Where only Twilio does there is nothing to say. Nor is there of a source to whoever reads
 * some accounts, unless it is theirs or has calls of theirs.
 */
export function sourcesFor({ isOfSomeAccounts, summary: { sources = [] } }) {
  return isOfSomeAccounts ? sources.filter((it) => it.account || it.liveCalls > 0) : sources;
}

/** What the agents are called, by their ids. */
export function agentNames({ summary }) {
  return new Map((summary?.byAgent ?? []).map(({ agent, name }) => [agent ?? null, name]));
}

/** What a source is called: by its kind, and by its own id where that says more. */
export function sourceName({ source, kind, title }) {
  return kind === source ? title : `${title} · ${source}`;
}
