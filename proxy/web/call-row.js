// The row of one call in the list, and on request below it why the call counts.

import { translator } from "/live-users-language.js";

import { element, icon, setText } from "./dom.js";
import { WITHHELD, country, locality, moment, nameOf, partyWords, span } from "./format.js";
import { byLanguage } from "./messages/callRow.js";
import { loadPart, loadWhile } from "./on-demand.js";

const t = translator(byLanguage);

/** The layout is that of a grid (calls.css), so the roles are told. */
const ROW = { role: "row" };
const CELL = { role: "cell" };

export class CallRow {
  #call = null;
  #details = null;
  #store;
  #seen = "";
  #caller = element("span.caller");
  #suspect = element("span.mark.is-suspect", { title: t("suspectTitle") }, t("suspect"));
  #party = element("span.mark.is-party");
  #uncounted = element("span.mark.is-uncounted", { title: t("uncountedTitle") }, t("uncounted"));
  #sub = element("span.sub");
  #mayEvict = false;
  #name = element("span.agent-name");
  #account = element("span.account");
  #agent = element("td.agent.is-wide", CELL, this.#name, this.#account);
  #locality = element("span.locality");
  #country = element("span.country");
  #since = element("td.is-wide.time", CELL);
  #duration = element("td.number.duration", CELL);
  #toggle = element("button.toggle", { type: "button", "aria-expanded": "false" }, icon("chevron"));
  #direction = element("span.direction");
  #row;
  #detailRow = null;

  constructor(store) {
    this.#store = store;
    this.#row = element("tr.call", ROW,
      element("td.who", CELL, element("span.who-line", this.#direction, this.#caller,
        this.#suspect, this.#party, this.#uncounted), this.#sub),
      this.#agent, element("td.is-wide.from", CELL, this.#locality, this.#country),
      this.#since, this.#duration, element("td.more-cell", CELL, this.#toggle));
    this.#toggle.addEventListener("click", () => (this.#detailRow ? this.close() : this.#open()));
  }

  /** Its row in the table. */
  get node() {
    return this.#row;
  }

  get nodes() {
    return this.#detailRow ? [this.#row, this.#detailRow] : [this.#row];
  }

  focus() {
    this.#toggle.focus({ preventScroll: true });
  }

  get hasFocus() {
    return this.nodes.some((node) => node.contains(document.activeElement));
  }

  show(call, mayEvict) {
    this.#call = call;
    const { liveMs, waitingMs, ...rest } = call;
    const seen = JSON.stringify([rest, mayEvict]);
    if (seen === this.#seen) return;
    this.#seen = seen;
    this.#mayEvict = mayEvict;
    const who = call.caller ?? WITHHELD;
    setText(this.#caller, who);
    this.#caller.classList.toggle("is-withheld", call.caller === null);
    this.#suspect.hidden = !call.suspect;
    // That a caller is with an agent is the rule, and the agent stands beside.
    this.#party.hidden = (call.party ?? "agent") === "agent";
    this.#party.title = call.phase === "dialing" ? t("dialing") : "";
    this.#tickParty(0);
    this.#uncounted.hidden = call.counted !== false;
    this.#row.classList.toggle("is-uncounted", call.counted === false);
    const agent = nameOf(call);
    setText(this.#name, agent);
    setText(this.#account, call.account ?? "");
    this.#account.hidden = call.account === null;
    this.#agent.title = call.account === null ? agent : t("agentTitle", { agent, account: call.account });
    const [near, far] = [locality(call), country(call.country)];
    const isNear = call.country !== null && near !== "";
    setText(this.#locality, isNear ? near : "");
    setText(this.#country, far);
    this.#country.classList.toggle("is-known", call.country !== null && !isNear);
    const whose = call.account === null ? agent : `${agent} · ${call.account}`;
    setText(this.#sub, `${whose} · ${isNear ? near : far}`);
    setText(this.#since, moment(call.since));
    this.#showDirection(call.direction);
    this.#toggle.setAttribute("aria-label", t("details", { who }));
    this.#details?.refresh(call, mayEvict);
  }

  #showDirection(direction) {
    const isOutbound = direction === "outbound" || direction === "dial";
    const word = isOutbound ? "outbound" : "inbound";
    this.#direction.title = isOutbound ? t("outbound") : t("inbound");
    const said = isOutbound ? t("outboundOf") : t("inboundOf");
    this.#direction.replaceChildren(icon(word), element("span.visually-hidden", said));
  }

  /** With whom the caller is connected; who waits, for how long. */
  #tickParty(elapsedMs) {
    const { party, waitingMs = null } = this.#call;
    const words = partyWords(party);
    setText(this.#party, waitingMs === null ? words : `${words} ${span(waitingMs + elapsedMs)}`);
  }

  tick(elapsedMs) {
    const { liveMs, counted } = this.#call;
    this.#tickParty(elapsedMs);
    const goesOn = counted !== false;
    setText(this.#duration, span(liveMs === null ? null : liveMs + (goesOn ? elapsedMs : 0)));
  }

  async #open() {
    const text = element("p.quiet", t("asking"));
    const cell = element("td", CELL, element("div.details", text));
    const row = element("tr.detail", ROW, cell);
    this.#detailRow = row;
    this.#row.after(row);
    this.#row.classList.add("is-open");
    this.#toggle.setAttribute("aria-expanded", "true");
    const part = await loadWhile(() => this.#detailRow === row, () => loadPart(() => import("./call-details.js")), (trouble) => {
      text.className = "trouble";
      setText(text, t("trouble", { error: trouble.message }));
    });
    if (part === null) return;
    this.#details = new part.CallDetails(this.#call, this.#mayEvict, this.#store);
    cell.replaceChildren(this.#details.node);
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
  const agent = call.name ?? call.agent ?? call.address ?? t("unknownNumber");
  const values = { caller: call.caller ?? t("withheld"), agent, at: moment(call.since) };
  if ((call.party ?? "agent") === "agent") return t("callWith", values);
  return t("callOf", { ...values, party: partyWords(call.party) });
}
