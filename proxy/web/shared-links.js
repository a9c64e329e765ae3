// The shared links: who reads by one, what and until when; for admins alone.

import { translator } from "/live-users-language.js";

import { Confirmation } from "./confirm.js";
import { arrange, element, onTick, setText } from "./dom.js";
import { ago, moment, number } from "./format.js";
import { byLanguage } from "./messages/sharedLinks.js";
import { Paced, Trouble, ask } from "./reader.js";
import { serverNow } from "./server-clock.js";
import { agentNames } from "./store.js";

const t = translator(byLanguage);

const INTERVAL_MS = 2_000;
const REFRESH_MS = 60_000;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

const at = (id) => document.querySelector(`#${id}`);

export class SharedLinks {
  #store;
  #panel = at("shared-links");
  #list = [];
  #isKnown = false;
  #readAt = -Infinity;
  #revocation = null;
  #reader = new Paced((signal) => this.#read(signal), INTERVAL_MS);

  constructor(store) {
    this.#store = store;
    at("share-cancel").addEventListener("click", () => at("share").close());
    at("share-done").addEventListener("click", () => at("share").close());
    at("share").addEventListener("close", forget);
    at("share-copy").addEventListener("click", copy);
    at("share-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#share();
    });
    this.#revocation = new Confirmation("revoke", (error) => t("notRevoked", { error }));
    onTick(() => this.#tick());
  }

  draw() {
    if (!this.#isKnown) this.#reader.poke();
  }

  async #read(signal) {
    this.#readAt = performance.now();
    const trouble = at("shared-links-error");
    try {
      const { links } = await ask("/links", { signal });
      this.#list = links;
      this.#isKnown = true;
      this.#panel.hidden = false;
      trouble.hidden = true;
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      // A backend of before has no links.
      if (error.status === 404) {
        this.#panel.hidden = true;
        return;
      }
      setText(trouble, t("trouble", { error: error.message }));
      trouble.hidden = false;
      throw error;
    }
    this.#show();
  }

  #show() {
    setText(at("shared-links-count"), this.#list.length > 0 ? number(this.#list.length) : "");
    at("shared-links-list").hidden = this.#list.length === 0;
    at("shared-links-empty").hidden = this.#list.length > 0;
    arrange(at("shared-links-list"), this.#list.map((link) => this.#item(link)));
  }

  #item(link) {
    const button = element("button.button", { type: "button" }, t("revoke"));
    button.setAttribute("aria-label", t("revokeNamed", { name: link.name }));
    button.addEventListener("click", () => this.#askToRevoke(link));
    const used = link.lastUsed === null ? t("notUsed") : t("used", { ago: ago(Math.max(0, serverNow() - Date.parse(link.lastUsed))) });
    const ends = element("time", { dateTime: link.expires, title: moment(link.expires) }, endsIn(link.expires));
    return element("li.shared-link",
      element("div", element("p", element("strong", link.name)),
        element("p.quiet", t(link.view, { what: this.#whose(link.scope) })),
        element("p.quiet", ends, ` · ${used}`)),
      button);
  }

  #whose({ all, total, agent, account }) {
    if (all) return t("allOf");
    if (total) return t("totalOf");
    if (account !== undefined) return t("accountOf", { account });
    return agentNames(this.#store).get(agent) ?? t("agentOf", { agent });
  }

  #tick() {
    if (this.#isKnown && performance.now() - this.#readAt > REFRESH_MS) this.#reader.poke();
  }

  /** Opens the form that shares a link. */
  open() {
    if (at("share").open) return;
    const { byAgent = [], byAccount = [] } = this.#store.summary ?? {};
    const agents = byAgent.filter(({ agent }) => agent);
    const known = [...byAccount.map((row) => row.account), ...agents.map((row) => row.account)];
    const accounts = [...new Set(known.filter(Boolean))].sort();
    const option = (text, scope) => element("option", { value: JSON.stringify(scope) }, text);
    const group = (label, options) => options.length === 0 ? null : element("optgroup", { label }, ...options);
    const groups = [
      option(t("all"), { all: true }),
      option(t("total"), { total: true }),
      group(t("oneAgent"), agents.map(({ agent, name }) => option(name ?? agent, { agent }))),
      group(t("oneAccount"), accounts.map((account) => option(account, { account }))),
    ];
    at("share-scope").replaceChildren(...groups.filter((it) => it !== null));
    at("share-form").reset();
    at("share-form").hidden = false;
    at("share-made").hidden = true;
    at("share-error").hidden = true;
    at("share").showModal();
    at("share-name").focus();
  }

  async #share() {
    const confirm = at("share-confirm");
    confirm.disabled = true;
    at("share-error").hidden = true;
    const body = {
      name: at("share-name").value,
      view: at("share-view").value,
      scope: JSON.parse(at("share-scope").value),
      expires: at("share-expires").value,
    };
    try {
      const { token } = await ask("/links", { method: "POST", body });
      at("share-url").value = `${location.origin}/view#token=${token}`;
      at("share-form").hidden = true;
      at("share-made").hidden = false;
      at("share-url").select();
      this.#reader.poke();
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      setText(at("share-error"), t("notShared", { error: error.message }));
      at("share-error").hidden = false;
    } finally {
      confirm.disabled = false;
    }
  }

  #askToRevoke({ id, name }) {
    this.#revocation.ask(t("revokeText", { name }), async () => {
      try {
        await ask(`/links/${id}/revoke`, { method: "POST" });
      } catch (error) {
        // Somebody else has revoked it.
        if (error.status !== 404) throw error;
      }
      this.#reader.poke();
    });
  }
}

/** The token is on the page for no longer than it is shown. */
function forget() {
  at("share-url").value = "";
  setText(at("share-copied"), "");
}

async function copy() {
  at("share-url").select();
  try {
    await navigator.clipboard.writeText(at("share-url").value);
    setText(at("share-copied"), t("copied"));
  } catch {
    setText(at("share-copied"), t("notCopied"));
  }
}

function endsIn(expires) {
  const ms = Date.parse(expires) - serverNow();
  // A link of 30 days, shared a moment ago, ends in 30 days.
  if (ms >= 2 * DAY_MS) return t("endsDays", { n: Math.round(ms / DAY_MS) });
  if (ms >= HOUR_MS) return t("endsHours", { n: Math.round(ms / HOUR_MS) });
  return t("endsSoon");
}
