// The mode for a screen on the wall: of a shared link all the time, and on an admin's own page by
// `?wallboard` in the address, or the button.

import { onTick, setText } from "./dom.js";
import { BUILD, IS_WALLBOARD } from "./reading.js";
import { serverNow } from "./server-clock.js";

const PARAMETER = "wallboard";
const BUILD_EVERY_MS = 600_000;
const TIMES = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

// The page of a link has no such button.
const button = document.querySelector("#wallboard");
const clock = document.querySelector("#clock");
let lock = null;
let isAsking = false;

/** Starts in the mode that the page or the address says, and keeps the address true to it. */
export function startWallboard() {
  show(isWanted());
  onTick(showTime);
  document.addEventListener("visibilitychange", keepAwake);
  if (IS_WALLBOARD) return;
  button?.addEventListener("click", toggle);
  window.addEventListener("popstate", () => show(isWanted()));
  // Who leaves the full screen by Escape wants the page back.
  document.addEventListener("fullscreenchange", () => {
    if (!document.fullscreenElement && isWanted()) leave();
  });
}

/** Whether the page is in this mode. */
export function isOnWall() {
  return document.documentElement.classList.contains("wallboard");
}

/**
 * Loads the page again when the proxy has another version of it, or says that the link is over: nobody
 * is there to do it. It is asked when the link is up again, and now and then.
 * @param {EventTarget & {isLive: boolean}} store
 */
export function followUpgrades(store) {
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

function isWanted() {
  return IS_WALLBOARD || new URLSearchParams(location.search).has(PARAMETER);
}

async function toggle() {
  if (isWanted()) {
    if (document.fullscreenElement) await document.exitFullscreen();
    else leave();
    return;
  }
  history.pushState(null, "", `?${PARAMETER}`);
  show(true);
  try {
    await document.documentElement.requestFullscreen({ navigationUI: "hide" });
  } catch {
    // Not allowed here: the mode is of use in a window too.
  }
}

function leave() {
  history.pushState(null, "", location.pathname);
  show(false);
}

function show(isOn) {
  document.documentElement.classList.toggle("wallboard", isOn);
  button?.setAttribute("aria-pressed", String(isOn));
  if (button !== null) setText(button.querySelector("span"), isOn ? "Leave wallboard" : "Wallboard");
  clock.hidden = !isOn;
  showTime();
  keepAwake();
}

function showTime() {
  if (clock.hidden) return;
  const now = new Date(serverNow());
  setText(clock, TIMES.format(now));
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
