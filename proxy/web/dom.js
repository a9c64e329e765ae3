// The few things that every part of the page does to the document.

/**
 * Makes an element: `element("p.quiet", "text", child)`. Properties come as an object first:
 * `element("button", { type: "button" }, "Evict")`; names with a dash are attributes.
 */
export function element(selector, ...content) {
  const [tag, ...classes] = selector.split(".");
  const made = document.createElement(tag);
  if (classes.length > 0) made.className = classes.join(" ");
  if (isProperties(content[0])) {
    for (const [name, value] of Object.entries(content.shift())) {
      if (name.includes("-") || name === "role") made.setAttribute(name, value);
      else made[name] = value;
    }
  }
  made.append(...content.filter((child) => child !== null));
  return made;
}

function isProperties(value) {
  return typeof value === "object" && value !== null && !(value instanceof Node);
}

/** Writes only what differs: an untouched text costs no layout and is not read out again. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Marks a number as one of which much is suspect, or as a sure one; on a wall it is as large as it has digits. */
export function showDoubt(node, digits, isUnsure) {
  node.classList.toggle("is-unsure", isUnsure);
  node.style.setProperty("--digits", Math.max(2, digits.length + (isUnsure ? 1 : 0)));
}

/** The drawing with this id in the page's own sprite. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

const SVG = "http://www.w3.org/2000/svg";

/**
 * Brings the children of a list into this order, moving no more than it has to: those that are
 * not wanted any more go, those that stand right are not touched.
 */
export function arrange(parent, wanted) {
  const keep = new Set(wanted);
  for (const child of [...parent.children]) {
    if (!keep.has(child)) child.remove();
  }
  let next = parent.firstElementChild;
  for (const child of wanted) {
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
}

const tickers = new Set();
const TICK_MS = 1000;

/** Runs this once a second while somebody looks; one timer for the whole page. */
export function onTick(run) {
  tickers.add(run);
}

setInterval(() => {
  if (document.visibilityState !== "visible") return;
  for (const run of tickers) run();
}, TICK_MS);

document.addEventListener("visibilitychange", () => {
  for (const run of tickers) run();
});

/** A command, word by word, so that a flag can be kept with its dashes. */
export function commandCode(command) {
  return element("code", ...command.split(" ").flatMap((word) => [" ", element("span", word)]).slice(1));
}
