// What only a screen on the wall has: a clock, pages of cards, a lock that keeps it awake, and upgrades without anybody.

import { timeIn, translator } from "/live-users-language.js";

import { onTick, setText } from "./dom.js";
import { LANGUAGE } from "./format.js";
import { LANGUAGE_PARAMETER } from "./language-choice.js";
import { byLanguage } from "./messages/wall.js";
import { BUILD, IS_WALLBOARD } from "./reading.js";
import { serverNow } from "./server-clock.js";
import { WallPages } from "./wall-pages.js";
import { PARAMETER, isOnWall, isWallWanted } from "./wallboard.js";

const t = translator(byLanguage);

const BUILD_EVERY_MS = 600_000;
const CLOCK = { hour: "2-digit", minute: "2-digit" };

// The page of a link has no such button.
const button = document.querySelector("#wallboard");
const clock = document.querySelector("#clock");
let lock = null;
let isAsking = false;

export class WallboardScreen {
  #cards;

  /**
   * @param {EventTarget & {isLive: boolean}} store
   * @param {import("./cards.js").Cards} cards
   */
  constructor(store, cards) {
    this.#cards = cards;
    cards.usePages(new WallPages(document.querySelector("#agents-page"), () => cards.arrange()));
    onTick(showTime);
    document.addEventListener("visibilitychange", keepAwake);
    followUpgrades(store);
    if (IS_WALLBOARD) return;
    // Who leaves the full screen by Escape wants the page back.
    document.addEventListener("fullscreenchange", () => {
      if (!document.fullscreenElement && isWallWanted()) this.#leave();
    });
  }

  /** Goes to the other mode, and says so in the address. */
  async toggle() {
    if (isWallWanted()) {
      if (document.fullscreenElement) await document.exitFullscreen();
      else this.#leave();
      return;
    }
    history.pushState(null, "", addressOf(true));
    this.show(true);
    try {
      await document.documentElement.requestFullscreen({ navigationUI: "hide" });
    } catch {
      // Not allowed here: the mode is of use in a window too.
    }
  }

  show(isOn) {
    document.documentElement.classList.toggle("wallboard", isOn);
    button?.setAttribute("aria-pressed", String(isOn));
    if (button !== null) setText(button.querySelector("span"), isOn ? t("leave") : t("wallboard"));
    clock.hidden = !isOn;
    showTime();
    keepAwake();
    this.#cards.arrange();
  }

  #leave() {
    history.pushState(null, "", addressOf(false));
    this.show(false);
  }
}

/** The address of a mode. A language that the address asks for stays. */
function addressOf(isWall) {
  const lang = new URLSearchParams(location.search).get(LANGUAGE_PARAMETER);
  const asked = lang === null ? [] : [`${LANGUAGE_PARAMETER}=${encodeURIComponent(lang)}`];
  const parameters = [...(isWall ? [PARAMETER] : []), ...asked];
  return parameters.length === 0 ? location.pathname : `?${parameters.join("&")}`;
}

/**
 * Loads the page again when the proxy has another version of it, or says that the link is over: nobody
 * is there to do it. It is asked when the link is up again, and now and then.
 */
function followUpgrades(store) {
  if (!IS_WALLBOARD || BUILD === null) return;
  let wasLive = true;
  store.addEventListener("link", () => {
    if (store.isLive && !wasLive) checkBuild();
    wasLive = store.isLive;
  });
  setInterval(checkBuild, BUILD_EVERY_MS);
}

async function checkBuild() {
  if (isAsking) return;
  isAsking = true;
  try {
    const answer = await fetch(location.pathname, { cache: "no-store", credentials: "same-origin" });
    const isOver = answer.status === 403;
    const html = answer.ok ? await answer.text() : "";
    const build = /data-build="([0-9a-f]+)"/.exec(html)?.[1];
    if (isOver || (build !== undefined && build !== BUILD)) location.reload();
  } catch {
    // It does not answer: the link says so, and asks again.
  } finally {
    isAsking = false;
  }
}

function showTime() {
  if (clock.hidden) return;
  const now = new Date(serverNow());
  setText(clock, timeIn(LANGUAGE, now, CLOCK));
  clock.dateTime = now.toISOString();
}

/** A screen that nobody touches would go dark. The browser takes the lock back while the page is hidden. */
async function keepAwake() {
  if (!isOnWall()) {
    lock?.release();
    lock = null;
    return;
  }
  const isHeld = lock !== null && !lock.released;
  if (isHeld || document.visibilityState !== "visible" || !("wakeLock" in navigator)) return;
  try {
    lock = await navigator.wakeLock.request("screen");
  } catch {
    // Not allowed here, or the battery is low.
  }
}
