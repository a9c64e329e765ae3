// How Twilio is connected: a checklist while no webhook has come.

import { arrange, element, onTick, setText } from "./dom.js";
import { ago, counted, number, phone } from "./format.js";
import { KINDS, accepted, areMissing } from "./webhooks.js";

/** Of more numbers than this only the first are listed. */
const NUMBERS_SHOWN_MAX = 20;

const STATES = { done: "Done", todo: "To do", failing: "Failing" };

export class Setup {
  #store;
  #section = document.querySelector("#setup");
  #fold = document.querySelector("#setup-fold");
  #progress = document.querySelector("#setup-progress");
  #list = document.querySelector("#setup-list");
  #told = document.querySelector("#setup-told");
  #lines = new Map();
  #urls = new Map();
  /** Whether the checklist was there since the page was opened, so that it folds and does not vanish. */
  #wasEmpty = false;
  #isFolded = false;

  constructor(store) {
    this.#store = store;
    onTick(() => this.draw());
  }

  draw() {
    const { value, isKnown } = this.#store.setup;
    if (!isKnown) return;
    const elapsedMs = this.#elapsedMs;
    const isEmpty = areMissing(this.#store);
    this.#wasEmpty ||= isEmpty;
    const isComplete = KINDS.every((kind) => value.webhooks[kind].accepted > 0);
    this.#section.hidden = !this.#wasEmpty || isComplete;
    if (this.#section.hidden) return;
    if (!isEmpty && !this.#isFolded) {
      this.#isFolded = true;
      this.#fold.open = false;
    }
    const lines = checklist(value, elapsedMs);
    for (const line of lines) this.#drawLine(line);
    arrange(this.#list, lines.map(({ key }) => this.#lines.get(key).node));
    const done = lines.filter(({ state }) => state === "done").length;
    setText(this.#progress, `${number(done)} of ${number(lines.length)} done`);
  }

  get #elapsedMs() {
    return performance.now() - this.#store.setup.receivedAt;
  }

  #drawLine({ key, state, title, text, urls = [], numbers = [] }) {
    let line = this.#lines.get(key);
    if (line === undefined) {
      line = new Line(title);
      this.#lines.set(key, line);
    }
    line.show(state, text, urls.map((url) => this.#drawUrl(url)), numbers);
  }

  /** A URL has its row as long as it stays the same: a button keeps the focus. */
  #drawUrl({ name, url, note }) {
    const key = `${name} ${url ?? ""}`;
    if (!this.#urls.has(key)) this.#urls.set(key, urlRow(name, url, note, (text) => setText(this.#told, text)));
    return this.#urls.get(key);
  }
}

class Line {
  node = element("li.check");
  #mark = element("span.check-state");
  #text = element("p");
  #urls = element("dl.check-urls");
  #numbers = element("ul.check-numbers");
  #seen = "";

  constructor(title) {
    this.node.append(this.#mark, element("div", element("h3", title), this.#text, this.#urls, this.#numbers));
  }

  show(state, text, urls, numbers) {
    this.node.dataset.state = state;
    setText(this.#mark, STATES[state]);
    setText(this.#text, text);
    arrange(this.#urls, urls);
    this.#urls.hidden = urls.length === 0;
    this.#numbers.hidden = numbers.length === 0;
    const seen = numbers.join("\n");
    if (seen !== this.#seen) this.#numbers.replaceChildren(...numbers.map((it) => element("li", it)));
    this.#seen = seen;
  }
}

function urlRow(name, url, note, tell) {
  const row = element("div.check-url", element("dt", name));
  if (url === null) {
    row.append(element("dd.quiet", note));
    return row;
  }
  const code = element("code", url);
  const button = element("button.button", { type: "button", "aria-label": `Copy the URL for ${name}` }, "Copy");
  button.addEventListener("click", () => copy(url, code).then((text) => tell(`${name}: ${text}`)));
  row.append(element("dd", code, button));
  return row;
}

/** The clipboard is there on https:// and loopback only, and where the browser allows it. */
async function copy(text, node) {
  try {
    await navigator.clipboard.writeText(text);
    return "the URL is copied.";
  } catch {
    getSelection().selectAllChildren(node);
    return "the URL is selected. Copy it with your keyboard.";
  }
}

/**
 * The lines of the checklist, each with its state and what to do.
 * @param {object} setup the answer of /setup
 * @param {number} elapsedMs how old that answer is
 */
export function checklist(setup, elapsedMs) {
  const { webhooks, numbers } = setup;
  const since = (ms) => (ms < 1000 ? "just now" : ago(ms));
  const own = numbers.filter(({ agent }) => agent !== null);
  const first = (key, title, kind, todo) => {
    const { accepted: n, lastAgoMs } = webhooks[kind];
    return n > 0
      ? { key, title, state: "done", text: `${counted(n, "webhook")}, the last ${since(lastAgoMs + elapsedMs)}.` }
      : { key, title, state: "todo", text: todo };
  };
  return [
    publicUrl(setup),
    providerApi(setup, elapsedMs, since),
    urlsAtTwilio(setup, elapsedMs, since),
    first("voice", "A call comes in", "voice", "Call one of the numbers."),
    first("speechResult", "The caller is heard", "speechResult",
      "Say something to the agent. An agent with its own voice application never sends this."),
    first("callStatus", "The end of a call is told", "callStatus", "Hang up, and wait a moment."),
    ...(own.length > 0 ? [called(own, elapsedMs, since)] : []),
  ];
}

function publicUrl(setup) {
  const { publicUrl: url } = setup;
  const line = { key: "publicUrl", title: "The backend knows its public address" };
  if (url !== null) return { ...line, state: "done", text: `PUBLIC_URL is ${url}.` };
  // A trusted reverse proxy may tell it.
  return accepted(setup) > 0
    ? { ...line, state: "done", text: "Webhooks are accepted without PUBLIC_URL." }
    : { ...line, state: "todo", text: "Set PUBLIC_URL at the backend to the address that Twilio reaches it by, such as "
      + "https://calls.example.com. On a laptop, a tunnel gives it one." };
}

function providerApi({ providerApi: { state, reason, lastAnswerAgoMs } }, elapsedMs, since) {
  const line = { key: "providerApi", title: "Twilio’s API answers" };
  switch (state) {
    case "answers":
      return { ...line, state: "done", text: `It answered ${since(lastAnswerAgoMs + elapsedMs)}. So a call is found, and `
        + "its end too, when a webhook is lost." };
    case "fails":
      return { ...line, state: "failing", text: `It fails: ${reason ?? "no reason is known"}. Check TWILIO_ACCOUNT_SID, `
        + "TWILIO_AUTH_TOKEN or the API key, and the way to Twilio." };
    case "off":
      return { ...line, state: "todo", text: "Set TWILIO_ACCOUNT_SID at the backend. Then it asks Twilio for calls whose "
        + "webhooks are lost." };
    default:
      return { ...line, state: "todo", text: "It has not been asked yet. The backend does that by itself." };
  }
}

function urlsAtTwilio({ urls, webhooks }, elapsedMs, since) {
  const line = { key: "urls", title: "The phone numbers have these URLs at Twilio" };
  const rows = [
    { name: "A call comes in", url: urls?.voice ?? null, note: "PUBLIC_URL and /voice" },
    { name: "Primary handler fails", url: null,
      note: "What does not fail together with this backend: the agent’s own voice URL, or a TwiML Bin that says “please "
        + "call again”." },
    { name: "Call status changes", url: urls?.statusCallback ?? null,
      note: "PUBLIC_URL and /call-status#ct=500&rc=5&rp=all" },
  ];
  const { count, lastAgoMs } = webhooks.refused;
  if (KINDS.some((kind) => webhooks[kind].accepted > 0)) {
    return { ...line, state: "done", text: "Signed webhooks arrive.", urls: rows };
  }
  if (count > 0) {
    return { ...line, state: "failing", urls: rows,
      text: `${counted(count, "webhook")} got 403, the last ${since(lastAgoMs + elapsedMs)}: not signed for this address. `
        + "Check PUBLIC_URL and TWILIO_AUTH_TOKEN. The backend’s log names the address that was signed, if it can tell." };
  }
  return { ...line, state: "todo", urls: rows,
    text: "Set each to Webhook and HTTP POST, under Voice Configuration of the phone number in Twilio’s Console." };
}

function called(numbers, elapsedMs, since) {
  const heard = ({ voiceAgoMs, speechResultAgoMs, callStatusAgoMs }) => {
    const ages = [voiceAgoMs, speechResultAgoMs, callStatusAgoMs].filter((ms) => ms !== null);
    return ages.length === 0 ? null : Math.min(...ages);
  };
  const reached = numbers.filter((it) => heard(it) !== null).length;
  const shown = numbers.slice(0, NUMBERS_SHOWN_MAX).map((it) => {
    const ms = heard(it);
    return `${phone(it.number)}, ${it.agent}: ${ms === null ? "no webhook yet" : `webhook ${since(ms + elapsedMs)}`}`;
  });
  if (numbers.length > shown.length) shown.push(`and ${number(numbers.length - shown.length)} more`);
  return {
    key: "numbers",
    title: "Each number of agents.toml is heard of",
    state: reached === numbers.length ? "done" : "todo",
    text: `${number(reached)} of ${counted(numbers.length, "number")} so far.`,
    numbers: shown,
  };
}
