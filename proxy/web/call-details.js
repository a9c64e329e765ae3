// Why one call is counted, what was said about it, and what happens next.

import { element } from "./dom.js";
import { evict } from "./evict.js";
import { moment, partyWords, place, upper, words } from "./format.js";
import { Paced, Trouble, ask } from "./reader.js";

const INTERVAL_MS = 2_000;
const EVIDENCE_SHOWN_MAX = 12;
const MOMENT = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;

export class CallDetails {
  node = element("div.details", element("p.quiet", "Asking why it is counted …"));
  #call;
  #mayEvict;
  #onEvicted;
  #reader = new Paced((signal) => this.#read(signal), INTERVAL_MS);

  /**
   * @param {object} call
   * @param {boolean} mayEvict whether this reader may take it out of the count
   * @param {() => void} onEvicted runs after that
   */
  constructor(call, mayEvict, onEvicted) {
    [this.#call, this.#mayEvict, this.#onEvicted] = [call, mayEvict, onEvicted];
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
      this.node.replaceChildren(element("p.trouble", `It cannot be explained: ${error.message}.`));
      throw error;
    }
  }

  #show({ because, next, evidence, incomplete, call, legs = [] }) {
    const hadFocus = this.node.contains(document.activeElement);
    const remove = this.#mayEvict ? element("button.button.is-danger", { type: "button" }, "Remove from count …") : null;
    remove?.addEventListener("click", () => evict(this.#call, this.#onEvicted));
    const shown = evidence.slice(-EVIDENCE_SHOWN_MAX);
    const hidden = evidence.length - shown.length;
    const before = hidden > 0 ? `${hidden} earlier are not shown` : "more may have been said before";
    this.node.replaceChildren(
      element("div.why",
        element("h3", call.counted ? "Why it is counted" : "Why it is not counted"),
        element("p", `${withClock(because)}.`),
        element("h3", "What happens next"),
        element("p", `At ${moment(next.at)}: ${withClock(next.text)}.`),
        facts(call), remove),
      element("div.said",
        connections(call.stretches ?? [], legs),
        element("h3", "Evidence"),
        hidden > 0 || incomplete ? element("p.quiet", before) : null,
        element("ol.evidence", ...shown.map((it, n) => piece(it, shown[n - 1] ?? evidence[hidden - 1])))),
    );
    if (hadFocus) remove?.focus({ preventScroll: true });
  }
}

function facts(call) {
  const row = (name, value) => element("div", element("dt", name), element("dd", value));
  return element("dl.facts",
    row("CallSid", element("code", call.callSid)),
    call.sources ? row("Told by", call.sources.join(", ")) : null,
    call.account ? row("Account", call.account) : null,
    row("From", place(call)),
    row("Direction", call.direction ?? "unknown"),
    call.answeredBy ? row("Answered by", call.answeredBy) : null,
    row("First heard", moment(call.firstHeardAt)),
    row("Last heard", moment(call.heardAt)));
}

/** With whom the caller was connected and what the call has led to; nothing of a plain call. */
function connections(stretches, legs) {
  if (stretches.length < 2 && legs.length === 0) return null;
  const stretch = ({ with: party, agent, address, from, to }) => {
    const name = agent ?? address;
    const what = party === "agent" && name ? `with ${name}` : partyWords(party);
    const until = to === null ? "until now" : `until ${moment(to)}`;
    return element("li", element("time", { dateTime: from }, moment(from)), element("span", upper(what)),
      element("span.outcome", until));
  };
  const leg = ({ callSid, phase, endpoint }) => element("li", { title: callSid }, element("span.quiet", "leg"),
    element("span", endpoint === null ? "To somebody" : endpoint === "agent" ? "To an agent" : "To a person"),
    element("span.outcome", words(phase)));
  return element("div.connections", element("h3", "Connected"),
    element("ol.evidence", ...stretches.map(stretch), ...legs.map(leg)));
}

function piece({ at, source, from, said, outcome, leg, seq, party }, before) {
  const hasMoved = party && before && party !== before.party;
  const what = says(source, said);
  return element("li", { title: `record ${seq} of the journal` },
    element("time", { dateTime: at }, moment(at)),
    element("span", `${from ?? SOURCES[source] ?? upper(words(source))}${what}${leg ? ", about a leg" : ""}`),
    element("span.outcome", hasMoved ? `${words(outcome)}, ${partyWords(party)}` : words(outcome)));
}

/** What a piece of evidence says: `: ringing`, ` spoke`. */
function says(source, said) {
  if (source === "speech" && said === "in-progress") return " spoke";
  return said === "nothing" ? "" : `: ${words(said)}`;
}

const SOURCES = {
  voice: "Call webhook",
  speech: "Caller",
  referee: "Twilio’s list",
  clock: "Time limit",
  operator: "Operator",
};

function withClock(text) {
  return text.replace(MOMENT, (found) => moment(found)).replace(/\.$/, "");
}
