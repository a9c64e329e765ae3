// The calls now live: a row for each, with a duration that ticks and, on request, why it counts.

import { CallDetails } from "./call-details.js";
import { arrange, element, icon, onTick, setText } from "./dom.js";
import { country, locality, moment, number, partyWords, span } from "./format.js";

const COLUMNS = 6;
/** On a narrow screen three are not shown (calls.css); a cell that spans them would bring them back. */
const NARROW = matchMedia("(max-width: 44rem)");
const NARROW_COLUMNS = 3;

export class Calls {
  #store;
  #section = document.querySelector("#calls");
  #table = document.querySelector("#calls-table");
  #rows = document.querySelector("#calls-rows");
  #count = document.querySelector("#calls-count");
  #more = document.querySelector("#calls-more");
  #empty = document.querySelector("#calls-empty");
  #error = document.querySelector("#calls-error");
  #byId = new Map();
  #evict;

  /** @param {(call: object) => void} evict asks whether a call is to be taken out, and does it */
  constructor(store, evict) {
    this.#store = store;
    this.#evict = evict;
    onTick(() => this.#tick());
    NARROW.addEventListener("change", () => {
      for (const row of this.#byId.values()) row.fit();
    });
  }

  draw() {
    const { list, hasMore, isKnown, error } = this.#store.calls;
    this.#error.hidden = error === null;
    setText(this.#error, error === null ? "" : `The calls cannot be read: ${error}. Trying again.`);
    this.#empty.hidden = error !== null;
    if (!isKnown) return;
    const before = this.#byId;
    this.#byId = new Map();
    const names = new Map((this.#store.summary?.byAgent ?? []).map((row) => [row.agent, row.name]));
    for (const call of list) {
      const row = before.get(call.callSid) ?? new CallRow(this.#evict);
      const account = this.#store.isOfOneAccount ? null : call.account ?? null;
      row.show({ ...call, name: names.get(call.agent) ?? null, account }, this.#store.mayEvict);
      this.#byId.set(call.callSid, row);
    }
    const lost = [...before].some(([id, row]) => !this.#byId.has(id) && row.hasFocus);
    for (const [id, row] of before) if (!this.#byId.has(id)) row.close();
    arrange(this.#rows, [...this.#byId.values()].flatMap((row) => row.nodes));
    if (lost) this.#section.focus({ preventScroll: true });
    this.#showAround(list.length, hasMore);
    this.#tick();
  }

  #showAround(shown, hasMore) {
    const { liveCalls = 0, withAgent = 0, withPerson = 0, machine = 0 } = this.#store.summary ?? {};
    const known = Math.max(liveCalls, withAgent + withPerson + machine);
    const all = hasMore ? Math.max(known, shown + 1) : shown;
    setText(this.#count, all > 0 ? number(all) : "");
    this.#table.hidden = shown === 0;
    this.#more.hidden = !hasMore;
    setText(this.#more, hasMore ? `and ${number(all - shown)} more; shown are the longest` : "");
    this.#empty.hidden = shown > 0;
    if (shown === 0) this.#showEmpty();
  }

  #showEmpty() {
    const hasSeenCalls = this.#store.activities.list.length > 0 || this.#store.summary?.lastDay?.calls > 0;
    const kind = hasSeenCalls || !this.#store.seesAll ? "quiet" : "first";
    if (this.#empty.dataset.kind === kind) return;
    this.#empty.dataset.kind = kind;
    this.#empty.replaceChildren(...(kind === "quiet"
      ? [element("p", "Nobody is on the line. The next call appears here at once.")]
      : howToConnect()));
  }

  #tick() {
    const { isLive, calls } = this.#store;
    const elapsedMs = isLive ? performance.now() - calls.receivedAt : 0;
    for (const row of this.#byId.values()) row.tick(elapsedMs);
  }
}

function howToConnect() {
  const code = (text) => element("code", text);
  const row = (name, value) => element("div", element("dt", name), element("dd", code(value)));
  return [
    element("h3", "No calls yet"),
    element("p", "In the Twilio Console, open your phone number and set under Voice Configuration, each as HTTP POST ",
      "to the backend’s public address:"),
    element("dl.settings",
      row("A call comes in", "https://…/voice"),
      row("Primary handler fails", "https://…/voice"),
      row("Call status changes", "https://…/call-status#rc=5&rp=all")),
    element("p", "Then call the number: it appears here at once."),
  ];
}

class CallRow {
  #call = null;
  #details = null;
  #evict;
  #seen = "";
  #caller = element("span.caller");
  #suspect = element("span.mark.is-suspect", { title: "Silent for a while; counted all the same" }, "suspect");
  #party = element("span.mark.is-party");
  #uncounted = element("span.mark.is-uncounted", { title: "Not one of the live users" }, "not counted");
  #sub = element("span.sub");
  #mayEvict = false;
  #name = element("span.agent-name");
  #account = element("span.account");
  #agent = element("td.agent.is-wide", this.#name, this.#account);
  #locality = element("span.locality");
  #country = element("span.country");
  #since = element("td.is-wide.time");
  #duration = element("td.number.duration");
  #toggle = element("button.toggle", { type: "button", "aria-expanded": "false" }, icon("chevron"));
  #direction = element("span.direction");
  #row;
  #detailRow = null;

  constructor(evict) {
    this.#evict = evict;
    this.#row = element("tr.call",
      element("td.who", element("span.who-line", this.#direction, this.#caller,
        this.#suspect, this.#party, this.#uncounted), this.#sub),
      this.#agent, element("td.is-wide.from", this.#locality, this.#country),
      this.#since, this.#duration, element("td.more-cell", this.#toggle));
    this.#toggle.addEventListener("click", () => (this.#details ? this.close() : this.#open()));
  }

  get nodes() {
    return this.#detailRow ? [this.#row, this.#detailRow] : [this.#row];
  }

  get hasFocus() {
    return this.nodes.some((node) => node.contains(document.activeElement));
  }

  show(call, mayEvict) {
    this.#call = call;
    const { liveMs, ...rest } = call;
    const seen = JSON.stringify([rest, mayEvict]);
    if (seen === this.#seen) return;
    this.#seen = seen;
    this.#mayEvict = mayEvict;
    const who = call.caller ?? "withheld";
    setText(this.#caller, who);
    this.#caller.classList.toggle("is-withheld", call.caller === null);
    this.#suspect.hidden = !call.suspect;
    // That a caller is with an agent is the rule, and the agent stands beside.
    this.#party.hidden = (call.party ?? "agent") === "agent";
    setText(this.#party, partyWords(call.party));
    this.#uncounted.hidden = call.counted !== false;
    this.#row.classList.toggle("is-uncounted", call.counted === false);
    const agent = call.name ?? call.agent ?? call.address ?? "Unknown number";
    setText(this.#name, agent);
    setText(this.#account, call.account ?? "");
    this.#account.hidden = call.account === null;
    this.#agent.title = call.account === null ? agent : `${agent}, account ${call.account}`;
    const [near, far] = [locality(call), country(call.country)];
    const isNear = call.country !== null && near !== "";
    setText(this.#locality, isNear ? near : "");
    setText(this.#country, far);
    this.#country.classList.toggle("is-known", call.country !== null && !isNear);
    const whose = call.account === null ? agent : `${agent} · ${call.account}`;
    setText(this.#sub, `${whose} · ${isNear ? near : far}`);
    setText(this.#since, moment(call.since));
    this.#showDirection(call.direction);
    this.#toggle.setAttribute("aria-label", `Details of the call of ${who}`);
    this.#details?.refresh(call, this.#canEvict);
  }

  /** What asks whether the call is to be taken out; null where that is not for this reader. */
  get #canEvict() {
    return this.#mayEvict ? this.#evict : null;
  }

  #showDirection(direction) {
    const isOutbound = direction === "outbound" || direction === "dial";
    const word = isOutbound ? "outbound" : "inbound";
    this.#direction.title = `${word} call`;
    this.#direction.replaceChildren(icon(word), element("span.visually-hidden", `${word}, `));
  }

  tick(elapsedMs) {
    const { liveMs, counted } = this.#call;
    const goesOn = counted !== false;
    setText(this.#duration, span(liveMs === null ? null : liveMs + (goesOn ? elapsedMs : 0)));
  }

  #open() {
    this.#details = new CallDetails(this.#call, this.#canEvict);
    this.#detailRow = element("tr.detail", element("td", this.#details.node));
    this.fit();
    this.#row.after(this.#detailRow);
    this.#row.classList.add("is-open");
    this.#toggle.setAttribute("aria-expanded", "true");
  }

  /** Makes the details as wide as the table. */
  fit() {
    if (this.#detailRow) this.#detailRow.firstElementChild.colSpan = NARROW.matches ? NARROW_COLUMNS : COLUMNS;
  }

  close() {
    this.#details?.close();
    this.#detailRow?.remove();
    this.#details = this.#detailRow = null;
    this.#row.classList.remove("is-open");
    this.#toggle.setAttribute("aria-expanded", "false");
  }
}

/** Who is on the line and for how long, for a sentence. */
export function describeCall(call) {
  const agent = call.name ?? call.agent ?? call.address ?? "an unknown number";
  const party = (call.party ?? "agent") === "agent" ? `with ${agent}` : `${partyWords(call.party)}, of ${agent}`;
  return `Caller ${call.caller ?? "with a withheld number"}, ${party}, since ${moment(call.since)}.`;
}
