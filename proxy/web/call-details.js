// Why one call is counted, what was said about it, and what happens next.

import { translator } from "/live-users-language.js";

import { nextText, reasonText } from "./call-reason.js";
import { element } from "./dom.js";
import { evict } from "./evict.js";
import { COMMA, moment, partyWords, place, upper, words } from "./format.js";
import { byLanguage } from "./messages/callDetails.js";
import { byLanguage as ofRows } from "./messages/callRow.js";
import { Paced, Trouble, ask } from "./reader.js";
import { agentNames } from "./store.js";

const t = translator(byLanguage);
/** What the row says too, while this is loaded. */
const ofRow = translator(ofRows);

const INTERVAL_MS = 2_000;
const EVIDENCE_SHOWN_MAX = 12;
const MOMENT = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;

export class CallDetails {
  node = element("div.details", element("p.quiet", ofRow("asking")));
  #call;
  #mayEvict;
  #store;
  #reader = new Paced((signal) => this.#read(signal), INTERVAL_MS);

  /**
   * @param {object} call
   * @param {boolean} mayEvict whether this reader may take it out of the count
   */
  constructor(call, mayEvict, store) {
    [this.#call, this.#mayEvict, this.#store] = [call, mayEvict, store];
    this.#reader.poke();
  }

  /** Something was heard of the call. */
  refresh(call, mayEvict) {
    [this.#call, this.#mayEvict] = [call, mayEvict];
    this.#reader.poke();
  }

  close() {
    this.#reader.stop();
  }

  async #read(signal) {
    try {
      this.#show(await ask(`/calls/${encodeURIComponent(this.#call.callSid)}`, { signal }));
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      this.node.replaceChildren(element("p.trouble", ofRow("trouble", { error: error.message })));
      throw error;
    }
  }

  #show({ because, reason, next, evidence, incomplete, call, legs = [] }) {
    const hadFocus = this.node.contains(document.activeElement);
    const remove = this.#mayEvict ? element("button.button.is-danger", { type: "button" }, t("evict")) : null;
    remove?.addEventListener("click", () => evict(this.#call, () => this.#store.refresh()));
    const shown = evidence.slice(-EVIDENCE_SHOWN_MAX);
    const hidden = evidence.length - shown.length;
    const before = hidden > 0 ? t("earlier", { n: hidden }) : t("maybeMore");
    this.node.replaceChildren(
      element("div.why",
        element("h3", call.counted ? t("why") : t("whyNot")),
        element("p", reasonText(reason) ?? `${withClock(because)}.`),
        element("h3", t("next")),
        element("p", t("at", { at: moment(next.at), what: nextText(next) ?? withClock(next.text) })),
        facts(call), remove),
      element("div.said",
        connections(call.stretches ?? [], legs, agentNames(this.#store)),
        element("h3", t("evidence")),
        hidden > 0 || incomplete ? element("p.quiet", before) : null,
        element("ol.evidence", ...shown.map((it, n) => piece(it, shown[n - 1] ?? evidence[hidden - 1])))),
    );
    if (hadFocus) remove?.focus({ preventScroll: true });
  }
}

function facts(call) {
  const row = (name, value) => element("div", element("dt", name), element("dd", value));
  return element("dl.facts",
    row(t("callSid"), element("code", call.callSid)),
    call.sources ? row(t("toldBy"), call.sources.join(COMMA)) : null,
    call.account ? row(t("account"), call.account) : null,
    row(t("from"), place(call)),
    row(t("direction"), call.direction === null ? t("unknown") : words(call.direction)),
    call.answeredBy ? row(t("answeredBy"), words(call.answeredBy)) : null,
    row(t("firstHeard"), moment(call.firstHeardAt)),
    row(t("lastHeard"), moment(call.heardAt)));
}

/** With whom the caller was connected and what the call has led to; nothing of a plain call. */
function connections(stretches, legs, names) {
  if (stretches.length < 2 && legs.length === 0) return null;
  const stretch = ({ with: party, agent, address, from, to }) => {
    const name = names.get(agent) ?? agent ?? address;
    const what = party === "agent" && name ? t("withName", { name }) : upper(partyWords(party));
    const until = to === null ? t("untilNow") : t("until", { at: moment(to) });
    return element("li", element("time", { dateTime: from }, moment(from)), element("span", what),
      element("span.outcome", until));
  };
  const leg = ({ callSid, phase, endpoint }) => element("li", { title: callSid }, element("span.quiet", t("leg")),
    element("span", endpoint === null ? t("toSomebody") : endpoint === "agent" ? t("toAgent") : t("toPerson")),
    element("span.outcome", words(phase)));
  return element("div.connections", element("h3", t("connected")),
    element("ol.evidence", ...stretches.map(stretch), ...legs.map(leg)));
}

function piece({ at, source, from, said, outcome, leg, seq, party }, before) {
  const hasMoved = party && before && party !== before.party;
  const who = from ?? (SOURCES.has(source) ? t(source) : upper(words(source)));
  const what = says(who, source, said);
  return element("li", { title: t("record", { seq: String(seq) }) },
    element("time", { dateTime: at }, moment(at)),
    element("span", leg ? t("aboutLeg", { what }) : what),
    element("span.outcome", hasMoved ? t("moved", { outcome: words(outcome), party: partyWords(party) }) : words(outcome)));
}

/** What a piece of evidence says: `Call webhook: ringing`, `Caller spoke`. */
function says(who, source, said) {
  if (source === "speech" && said === "in-progress") return t("spoke", { who });
  return said === "nothing" ? who : t("says", { who, what: words(said) });
}

/** Those that have a name here. */
const SOURCES = new Set(["voice", "speech", "referee", "clock", "operator"]);

/** What the backend says in its own words, with the clock of whoever looks. */
function withClock(text) {
  return text.replace(MOMENT, (found) => moment(found)).replace(/\.$/, "");
}
