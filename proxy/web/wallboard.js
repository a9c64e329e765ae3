// The mode for a screen on the wall: `?wallboard` in the address, or the button.

import { setText } from "./dom.js";

const PARAMETER = "wallboard";
const button = document.querySelector("#wallboard");

/** Starts in the mode that the address says, and keeps the address true to it. */
export function startWallboard() {
  show(isWanted());
  button.addEventListener("click", toggle);
  window.addEventListener("popstate", () => show(isWanted()));
  // Who leaves the full screen by Escape wants the page back.
  document.addEventListener("fullscreenchange", () => {
    if (!document.fullscreenElement && isWanted()) leave();
  });
}

function isWanted() {
  return new URLSearchParams(location.search).has(PARAMETER);
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
  button.setAttribute("aria-pressed", String(isOn));
  setText(button.querySelector("span"), isOn ? "Leave wallboard" : "Wallboard");
}
