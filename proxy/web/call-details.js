// Why one call is counted, what was said about it, and what happens next.

import { element } from "./dom.js";
import { moment, place, upper, words } from "./format.js";
import { Paced, Trouble, ask } from "./reader.js";

const INTERVAL_MS = 2_000;
const EVIDENCE_SHOWN_MAX = 12;
const MOMENT = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;

export class CallDetails {
  node = element("div.details", element("p.quiet", "Asking why it is counted …"));
  #call;
  #evict;
  #reader = new Paced((signal) => this.#read(signal), INTERVAL_MS);

  constructor(call, evict) {
    this.#call = call;
    this.#evict = evict;
    this.#reader.poke();
  }

  /** Something was heard of the call. */
  refresh(call) {
    this.#call = call;
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
      this.node.replaceChildren(element("p.trouble", `Nothing can be said about it: ${error.message}.`));
      throw error;
    }
  }

  #show({ because, next, evidence, incomplete, call }) {
    const hadFocus = this.node.contains(document.activeElement);
    const evict = element("button.button.is-danger", { type: "button" }, "Evict …");
    evict.addEventListener("click", () => this.#evict(this.#call));
    const shown = evidence.slice(-EVIDENCE_SHOWN_MAX);
    const hidden = evidence.length - shown.length;
    const before = hidden > 0 ? `${hidden} earlier are not shown` : "more may have been said before";
    this.node.replaceChildren(
      element("div.why",
        element("h3", call.counted ? "Why it is counted" : "Why it is not counted"),
        element("p", `${withClock(because)}.`),
        element("h3", "What happens next"),
        element("p", `At ${moment(next.at)}: ${withClock(next.text)}.`),
        facts(call), evict),
      element("div.said",
        element("h3", "What was said about it"),
        hidden > 0 || incomplete ? element("p.quiet", before) : null,
        element("ol.evidence", ...shown.map(piece))),
    );
    if (hadFocus) evict.focus({ preventScroll: true });
  }
}

function facts(call) {
  const row = (name, value) => element("div", element("dt", name), element("dd", value));
  return element("dl.facts",
    row("CallSid", element("code", call.callSid)),
    row("From", place(call)),
    row("Direction", call.direction ?? "unknown"),
    row("First heard", moment(call.firstHeardAt)),
    row("Last heard", moment(call.heardAt)));
}

function piece({ at, source, said, outcome, leg, seq }) {
  const what = said === "nothing" ? "was heard" : `said ${words(said)}`;
  return element("li", { title: `record ${seq} of the journal` },
    element("time", { dateTime: at }, moment(at)),
    element("span", `${upper(words(source))} ${what}${leg ? ", about a leg" : ""}`),
    element("span.outcome", words(outcome)));
}

function withClock(text) {
  return text.replace(MOMENT, (found) => moment(found)).replace(/\.$/, "");
}
