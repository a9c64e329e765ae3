// Where this page reads, and how much it may show: the page of a shared link reads below its own path.

const { base = "/", detail = "calls", view = null, build = null, simulate = null } = document.documentElement.dataset;

/** The path that everything is read below; it ends with a slash. */
export const BASE = base;

/** Whether this is the page of a shared link. */
export const IS_LINK = view !== null;

/** Whether it is the wallboard of a shared link. */
export const IS_WALLBOARD = view === "wallboard";

/** Whether calls are shown, and not only numbers. */
export const SEES_CALLS = detail === "calls";

/** Whether the numbers of all calls together are all that is shown. */
export const IS_TOTAL = detail === "total";

/** Names the version of this page; null where nobody asks. */
export const BUILD = build;

/** The command that fills this demonstration with simulated callers; null where it is none. */
export const SIMULATE = simulate;
