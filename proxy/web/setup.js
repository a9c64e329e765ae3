// What to do while no webhook has come: how a demonstration is filled, and a checklist of how Twilio is connected.

import { translator } from "/live-users-language.js";

import { arrange, commandCode, element, onTick, setText } from "./dom.js";
import { ago, number, phone } from "./format.js";
import { byLanguage } from "./messages/setup.js";
import { SIMULATE } from "./reading.js";
import { KINDS, accepted, areMissing } from "./webhooks.js";

const t = translator(byLanguage);

/** Of more numbers than this only the first are listed. */
const NUMBERS_SHOWN_MAX = 20;

export class Setup {
  #store;
  #section = document.querySelector("#setup");
  #fold = document.querySelector("#setup-fold");
  #progress = document.querySelector("#setup-progress");
  #list = document.querySelector("#setup-list");
  /** The quickest step of a demonstration; null where this is none. */
  #first = SIMULATE && firstStep(SIMULATE);
  #told = document.querySelector("#setup-told");
  #lines = new Map();
  #urls = new Map();
  /** Whether the checklist was there since the page was opened, so that it folds and does not vanish. */
  #wasEmpty = false;
  #isFolded = false;

  constructor(store) {
    this.#store = store;
    if (this.#first !== null) this.#section.before(this.#first);
    onTick(() => this.draw());
  }

  draw() {
    const { value, isKnown } = this.#store.setup;
    if (!isKnown) return;
    const elapsedMs = this.#elapsedMs;
    const isEmpty = areMissing(this.#store);
    this.#wasEmpty ||= isEmpty;
    if (this.#first !== null) this.#showFirst(isEmpty);
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
    setText(this.#progress, t("progress", { n: lines.length, done }));
  }

  get #elapsedMs() {
    return performance.now() - this.#store.setup.receivedAt;
  }

  /** What goes takes the focus with it. */
  #showFirst(isEmpty) {
    const lost = !isEmpty && this.#first.contains(document.activeElement);
    this.#first.hidden = !isEmpty;
    if (lost) this.#fold.querySelector("summary").focus({ preventScroll: true });
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
    setText(this.#mark, t(state));
    setText(this.#text, text);
    arrange(this.#urls, urls);
    this.#urls.hidden = urls.length === 0;
    this.#numbers.hidden = numbers.length === 0;
    const seen = numbers.join("\n");
    if (seen !== this.#seen) this.#numbers.replaceChildren(...numbers.map((it) => element("li", it)));
    this.#seen = seen;
  }
}

function firstStep(command) {
  const code = commandCode(command);
  const button = element("button.button", { type: "button", "aria-label": t("copyCommand") }, t("copy"));
  const told = element("p.setup-told", { role: "status" });
  button.addEventListener("click", async () => setText(told, t((await isCopied(command, code)) ? "commandCopied" : "commandSelected")));
  return element("section.panel.setup", { id: "simulate", "aria-labelledby": "simulate-title" },
    element("h2", { id: "simulate-title" }, t("simulate")),
    element("p.setup-lead", t("simulateLead")),
    element("div.command", code, button),
    element("p.setup-lead", t("simulateThen")),
    told);
}

function urlRow(name, url, note, tell) {
  const row = element("div.check-url", element("dt", name));
  if (url === null) {
    row.append(element("dd.quiet", note));
    return row;
  }
  const code = element("code", url);
  const button = element("button.button", { type: "button", "aria-label": t("copyUrl", { name }) }, t("copy"));
  button.addEventListener("click", () => isCopied(url, code).then((it) => tell(t(it ? "copied" : "selected", { name }))));
  row.append(element("dd", code, button));
  return row;
}

/**
 * Copies the text, or else selects it in this node. The clipboard is there on https:// and loopback only, and where
 * the browser allows it.
 */
async function isCopied(text, node) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(node);
    return false;
  }
}

/**
 * The lines of the checklist, each with its state and what to do.
 * @param {object} setup the answer of /setup
 * @param {number} elapsedMs how old that answer is
 */
export function checklist(setup, elapsedMs) {
  const { webhooks, numbers } = setup;
  const since = (ms) => ago(Math.max(0, ms));
  const own = numbers.filter(({ agent }) => agent !== null);
  const first = (key, title, kind, todo) => {
    const { accepted: n, lastAgoMs } = webhooks[kind];
    return n > 0
      ? { key, title, state: "done", text: t("webhooks", { n, ago: since(lastAgoMs + elapsedMs) }) }
      : { key, title, state: "todo", text: todo };
  };
  return [
    publicUrl(setup),
    providerApi(setup, elapsedMs, since),
    urlsAtTwilio(setup, elapsedMs, since),
    first("voice", t("voice"), "voice", t("voiceTodo")),
    first("speechResult", t("speech"), "speechResult", t("speechTodo")),
    first("callStatus", t("status"), "callStatus", t("statusTodo")),
    ...(own.length > 0 ? [called(own, setup.agentsFile, elapsedMs, since)] : []),
  ];
}

function publicUrl(setup) {
  const { publicUrl: url } = setup;
  const line = { key: "publicUrl", title: t("address") };
  if (url !== null) return { ...line, state: "done", text: t("addressIs", { url }) };
  // A trusted reverse proxy may tell it.
  return accepted(setup) > 0
    ? { ...line, state: "done", text: t("addressUnneeded") }
    : { ...line, state: "todo", text: t("addressTodo") };
}

function providerApi({ providerApi: { state, reason, lastAnswerAgoMs } }, elapsedMs, since) {
  const line = { key: "providerApi", title: t("api") };
  switch (state) {
    case "answers":
      return { ...line, state: "done", text: t("apiAnswers", { ago: since(lastAnswerAgoMs + elapsedMs) }) };
    case "fails":
      return { ...line, state: "failing", text: t("apiFails", { reason: reason ?? t("noReason") }) };
    case "off":
      return { ...line, state: "todo", text: t("apiOff") };
    default:
      return { ...line, state: "todo", text: t("apiNotYet") };
  }
}

function urlsAtTwilio({ urls, webhooks }, elapsedMs, since) {
  const line = { key: "urls", title: t("urls") };
  const rows = [
    { name: t("comesIn"), url: urls?.voice ?? null, note: t("voiceUrl") },
    { name: t("fails"), url: null, note: t("failsNote") },
    { name: t("changes"), url: urls?.statusCallback ?? null, note: t("statusUrl") },
  ];
  const { count, lastAgoMs } = webhooks.refused;
  if (KINDS.some((kind) => webhooks[kind].accepted > 0)) {
    return { ...line, state: "done", text: t("urlsDone"), urls: rows };
  }
  if (count > 0) {
    return { ...line, state: "failing", urls: rows,
      text: t("urlsRefused", { n: count, ago: since(lastAgoMs + elapsedMs) }) };
  }
  return { ...line, state: "todo", urls: rows,
    text: t("urlsTodo") };
}

/** @param {?string} file the name of the agents file; an older backend does not tell it */
function called(numbers, file, elapsedMs, since) {
  const heard = ({ voiceAgoMs, speechResultAgoMs, callStatusAgoMs }) => {
    const ages = [voiceAgoMs, speechResultAgoMs, callStatusAgoMs].filter((ms) => ms !== null);
    return ages.length === 0 ? null : Math.min(...ages);
  };
  const reached = numbers.filter((it) => heard(it) !== null).length;
  const shown = numbers.slice(0, NUMBERS_SHOWN_MAX).map((it) => {
    const ms = heard(it);
    const values = { number: phone(it.number), agent: it.agent };
    return ms === null ? t("noWebhook", values) : t("webhook", { ...values, ago: since(ms + elapsedMs) });
  });
  if (numbers.length > shown.length) shown.push(t("more", { n: numbers.length - shown.length }));
  return {
    key: "numbers",
    title: t("numbers"),
    state: reached === numbers.length ? "done" : "todo",
    text: t("reached", { n: numbers.length, reached, file: file ?? "agents.toml" }),
    numbers: shown,
  };
}
