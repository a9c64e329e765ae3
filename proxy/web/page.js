// The page's own module: makes the parts, and tells each when there is something new to draw. What a first view
// need not have is loaded when it is needed.

import "/live-users.js";
import "/live-users-chart.js";
import { Link } from "/live-users-link.js";

import { Announcer } from "./announce.js";
import { Calls } from "./calls.js";
import { Cards } from "./cards.js";
import { Chart } from "./chart.js";
import { Feed } from "./feed.js";
import { followLanguage } from "./language-choice.js";
import { number, several } from "./format.js";
import { Panel, loadPart } from "./on-demand.js";
import { Overview } from "./overview.js";
import { Places } from "./places.js";
import { BASE } from "./reading.js";
import { Sharing } from "./sharing.js";
import { Store } from "./store.js";
import { Wallboard } from "./wallboard.js";
import { Webhooks, areMissing } from "./webhooks.js";

const store = new Store();
const overview = new Overview(store, new Announcer());
const cards = new Cards(store);
const chart = new Chart(store);
const calls = new Calls(store);
const places = new Places(store);
const feed = new Feed(store);
const webhooks = new Webhooks(store);
const sharing = new Sharing(store);

/** Whether the summary has this list, and something in it. */
const has = (name) => (store.summary?.[name] ?? []).length > 0;
const accounts = new Panel("accounts", () => has("byAccount") && !store.isOfOneAccount,
  async () => new (await loadPart(() => import("./accounts.js"))).Accounts(store));
const sources = new Panel("sources", () => has("sources"),
  async () => new (await loadPart(() => import("./sources.js"))).Sources(store));
const alerts = new Panel("alerts", () => Boolean(store.summary?.alerts),
  async () => new (await loadPart(() => import("./alerts.js"))).Alerts(store));
const setup = new Panel("setup", () => areMissing(store),
  async () => new (await loadPart(() => import("./setup.js"), "setup-style")).Setup(store));

const drawings = {
  summary: () => {
    overview.draw();
    chart.draw();
    calls.drawFilters();
    cards.draw();
    places.draw();
    accounts.draw();
    sources.draw();
    alerts.draw();
    overview.drawLink();
  },
  access: () => {
    overview.drawScope();
    showTitle();
    calls.draw();
    setup.draw();
    sharing.draw();
    if (store.summary !== null) drawings.summary();
  },
  link: () => {
    overview.drawLink();
    chart.drawLink();
  },
  calls: () => {
    calls.draw();
    // Each shard tells its rows and its history for itself.
    for (const link of document.querySelectorAll(".export")) link.hidden = store.calls.isOfShards ?? false;
  },
  activities: () => {
    feed.draw();
    calls.draw();
    setup.draw();
  },
  setup: () => {
    webhooks.draw();
    setup.draw();
  },
};

// However many frames come between two pictures of the screen, each part is drawn once.
const due = new Set();
function draw() {
  for (const what of due) drawings[what]();
  due.clear();
}
for (const what of Object.keys(drawings)) {
  store.addEventListener(what, () => {
    if (due.size === 0) schedule(draw);
    due.add(what);
  });
}

// A tab that is not in front has no pictures of the screen.
function schedule(run) {
  if (document.visibilityState === "visible") requestAnimationFrame(run);
  else setTimeout(run, 0);
}

// What is left of a sign-in by a link: no token, but the mark before it.
if (location.href.endsWith("#")) history.replaceState(null, "", location.pathname + location.search);

// The count in the title, for a tab that is not in front.
const untitled = document.title;
const badge = document.querySelector("live-users");
function showTitle() {
  const count = badge.getAttribute("count");
  const { whose } = store;
  const title = whose.length === 0 ? untitled : `${untitled}, ${several(whose)}`;
  const about = badge.getAttribute("state") === "unsure" ? "~" : "";
  document.title = count === null ? title : `(${about}${number(Number(count))}) ${title}`;
}
badge.addEventListener("live-users-change", showTitle);
showTitle();
// The announcer says the number, and not at each change. Without scripts the number itself is read.
badge.setAttribute("aria-hidden", "true");

followLanguage();
new Wallboard(store, cards);
// What came with the page is drawn at once.
if (store.access !== null) drawings.access();
overview.drawLink();
const link = new Link({
  src: BASE, path: "api/live-users/summary", onFrame: store.takeFrame, onState: store.takeState,
});
store.heardAt = () => link.heardAt;
