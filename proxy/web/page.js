// The page's own module: makes the parts, and tells each when there is something new to draw.

import "/live-users.js";
import "/live-users-chart.js";
import { Link } from "/live-users-link.js";

import { Accounts } from "./accounts.js";
import { Alerts } from "./alerts.js";
import { Announcer } from "./announce.js";
import { Calls } from "./calls.js";
import { Cards } from "./cards.js";
import { Chart } from "./chart.js";
import { evict } from "./evict.js";
import { Feed } from "./feed.js";
import { several } from "./format.js";
import { Overview } from "./overview.js";
import { Places } from "./places.js";
import { BASE } from "./reading.js";
import { Setup } from "./setup.js";
import { SharedLinks } from "./shared-links.js";
import { Sources } from "./sources.js";
import { Store } from "./store.js";
import { followUpgrades, startWallboard } from "./wallboard.js";

const store = new Store();
const overview = new Overview(store, new Announcer());
const cards = new Cards(store);
const chart = new Chart(store);
const calls = new Calls(store, (call) => evict(call, () => store.refresh()));
const places = new Places(store);
const accounts = new Accounts(store);
const sources = new Sources(store);
const alerts = new Alerts(store);
const feed = new Feed(store);
const setup = new Setup(store);
const sharedLinks = new SharedLinks(store);

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
    accounts.drawScope();
    showTitle();
    calls.draw();
    setup.draw();
    sharedLinks.draw();
    if (store.summary !== null) drawings.summary();
  },
  link: () => {
    overview.drawLink();
    chart.drawLink();
  },
  calls: () => calls.draw(),
  activities: () => {
    feed.draw();
    calls.draw();
    setup.draw();
  },
  setup: () => setup.draw(),
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
  document.title = count === null ? title : `(${about}${count}) ${title}`;
}
badge.addEventListener("live-users-change", showTitle);
showTitle();
// The announcer says the number, and not at each change. Without scripts the number itself is read.
badge.setAttribute("aria-hidden", "true");

startWallboard();
followUpgrades(store);
// What came with the page is drawn at once.
if (store.access !== null) drawings.access();
overview.drawLink();
const link = new Link({
  src: BASE, path: "api/live-users/summary", onFrame: store.takeFrame, onState: store.takeState,
});
store.heardAt = () => link.heardAt;
