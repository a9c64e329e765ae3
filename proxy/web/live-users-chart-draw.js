// Draws a history as SVG: the live users as a line with the band between min and max, or, where others are on the
// line too, who is on the line as areas on top of each other; what it is compared with, the peak, the axes.

import { PARTIES } from "./live-users-chart-history.js";
import { scale, tickLabel, timeTicks, valueTicks } from "./live-users-chart-scale.js";
import { numberIn } from "./live-users-language.js";

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { top: 22, right: 12, bottom: 26, left: 34 };
const TICK_WIDTH = 64;
const LABEL_ROOM = 18;
/** About as wide is a letter of a label, and so far from the top its words still stand in the picture. */
const LETTER_WIDTH = 7;
const LABEL_TOP = 12;
/** So many points make a line that is drawn thinner. */
const DENSE_FROM_POINTS = 300;

/**
 * Fills an SVG element of this size.
 * @param {SVGElement} svg
 * @param {Function} t says a message of the chart
 * @param {object} view what a `History` shows of a range, and `comparison`
 * @returns where each point is: `{x, y}`, or null where nothing is known; and whether areas are stacked
 */
export function drawChart(svg, t, view, width, height, scaleFactor = 1) {
  const { points, from, to, isExact, comparison } = view;
  const known = points.filter((point) => point.max !== null);
  const isStacked = [...known, ...(view.present ? [view.present] : [])].some(hasOthers);
  const compared = comparison?.points ?? [];
  const most = Math.max(
    1, ...known.map((point) => (isStacked ? point.most : point.max)), ...compared.map((it) => it.mean ?? 0),
  );
  const values = valueTicks(most, height > 150 * scaleFactor ? 5 : 3);
  const whole = (value) => numberIn(t.language, value);
  const place = placing({ width, height, scaleFactor, from, to, values, widest: whole(values.at(-1)).length });
  const { box, x, y } = place;

  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.classList.toggle("is-dense", points.length > DENSE_FROM_POINTS);
  svg.replaceChildren(
    patterns(scaleFactor),
    ...values.map((value) => line("grid", box.left, y(value), box.right, y(value), value === 0)),
    ...values.map((value) => label("axis is-value", whole(value), box.left - 8 * scaleFactor, y(value), "end")),
    ...timeLabels(t, from, to, x, box, scaleFactor),
  );
  for (const run of runs(points)) {
    if (run.length === 1 && !isExact && !run[0].reachesNow) {
      svg.append(circle("dot", middle(run[0], place), y(run[0].mean), 2.5 * scaleFactor));
      continue;
    }
    const along = (pick) => trace(run, pick, view, place);
    if (isStacked) stack(svg, along, box);
    else svg.append(
      path("area", closed(along((point) => point.mean), box.bottom)),
      ...(isExact ? [] : [path("band", `M${band(run, place)}Z`)]),
    );
    svg.append(path("mean", `M${along((point) => point.mean).join("L")}`));
  }
  for (const run of runs(compared)) {
    svg.append(path("compared", `M${dashed(run, place).join("L")}`));
  }
  drawPeak(svg, t, view, place, isStacked, scaleFactor);
  const where = (point) => ({ x: isExact ? round(x(point.at)) : middle(point, place), y: y(point.mean) });
  return { box, isStacked, x, places: points.map((point) => (point.mean === null ? null : where(point))) };
}

/** Where moments and values are. */
function placing({ width, height, scaleFactor, from, to, values, widest }) {
  const margin = Object.fromEntries(Object.entries(MARGIN).map(([side, size]) => [side, size * scaleFactor]));
  const left = Math.max(margin.left, (widest * 8 + 12) * scaleFactor);
  const box = { left, right: width - margin.right, top: margin.top, bottom: height - margin.bottom };
  return { box, x: scale(from, to, box.left, box.right), y: scale(0, values.at(-1), box.bottom, box.top) };
}

function hasOthers(point) {
  return PARTIES.some((party) => party !== "withAgent" && point[party] > 0);
}

function middle(point, { box, x }) {
  return round(Math.min(box.right, Math.max(box.left, x((point.at + point.end) / 2))));
}

/** The corners of a line through points without a gap; it ends at the present number. */
function trace(run, pick, { from, to, isExact, present }, place) {
  const { x, y } = place;
  const at = (left, value) => `${round(left)},${round(y(value))}`;
  if (isExact) {
    return run.flatMap((point) => [at(x(point.at), pick(point)), at(x(point.end), pick(point))]);
  }
  const corners = run.map((point) => at(middle(point, place), pick(point)));
  if (run[0].at <= from || run[0].isFirst) corners.unshift(at(x(run[0].at), pick(run[0])));
  if (run.at(-1).reachesNow) corners.push(at(x(to), pick(present ?? run.at(-1))));
  return corners;
}

function band(run, place) {
  const along = (pick) => run.map((point) => `${middle(point, place)},${round(place.y(pick(point)))}`);
  return [...along((point) => point.max), ...along((point) => point.min).reverse()].join("L");
}

function closed(corners, bottom) {
  const left = corners[0].split(",")[0];
  const right = corners.at(-1).split(",")[0];
  return `M${left},${bottom}L${corners.join("L")}L${right},${bottom}Z`;
}

/**
 * The areas from the bottom up: the tint and the pattern of each, and its border. A border stands off from what is
 * beside it, so that each is told from the ground and not from another colour.
 */
function stack(svg, along, box) {
  const until = (count) => along((point) => PARTIES.slice(0, count).reduce((sum, party) => sum + (point[party] ?? 0), 0));
  let below = null;
  for (const [place, party] of PARTIES.entries()) {
    const upper = until(place + 1);
    if (below !== null && upper.join() === below.join()) continue;
    const d = below === null ? closed(upper, box.bottom) : `M${upper.join("L")}L${[...below].reverse().join("L")}Z`;
    const fill = path("pattern", d);
    fill.setAttribute("fill", `url(#pattern-${party})`);
    svg.append(path(`tint is-${party}`, d), fill);
    svg.append(path("casing", `M${upper.join("L")}`), path(`edge is-${party}`, `M${upper.join("L")}`));
    below = upper;
  }
}

/** One pattern for each party, in its colour: none is told by its colour alone. */
function patterns(scaleFactor) {
  const size = 8 * scaleFactor;
  const all = {
    withAgent: [shape("path", "mark is-forced is-withAgent", { d: "M4,0V8" })],
    withPerson: [shape("path", "mark is-withPerson", { d: "M-2,2L2,-2M0,8L8,0M6,10L10,6" })],
    waiting: [2, 6].map((at) => shape("circle", "mark is-filled is-waiting", { cx: at, cy: at, r: 1.1 })),
    machine: [shape("path", "mark is-machine", { d: "M0,2H8M0,6H8" })],
  };
  const defs = document.createElementNS(SVG, "defs");
  for (const [party, marks] of Object.entries(all)) {
    const attributes = { patternUnits: "userSpaceOnUse", width: size, height: size, viewBox: "0 0 8 8" };
    const pattern = shape("pattern", "", { id: `pattern-${party}`, ...attributes });
    pattern.append(...marks);
    defs.append(pattern);
  }
  return defs;
}

/** The corners of what a range is compared with; a point alone is as long as its step, for a line has a length. */
function dashed(run, place) {
  const { box, x, y } = place;
  const inside = (at) => round(Math.min(box.right, Math.max(box.left, x(at))));
  const places = run.length === 1 ? [inside(run[0].at), inside(run[0].end)] : run.map((point) => middle(point, place));
  return places.map((left, index) => `${left},${round(y((run[index] ?? run[0]).mean))}`);
}

/** Of equal peaks the last, as everywhere. */
function drawPeak(svg, t, view, place, isStacked, scaleFactor) {
  const known = view.points.filter((point) => point.max !== null);
  const peak = known.reduce((best, point) => (best === null || point.max >= best.max ? point : best), null);
  if (peak === null || peak.max === 0) return;
  const { box, x, y } = place;
  const [px, py, foot] = [view.isExact ? x(peak.at) : middle(peak, place), y(peak.max), y(peak.mean)];
  const words = t("peak", { n: peak.max });
  const width = (words.length * LETTER_WIDTH + LABEL_ROOM) * scaleFactor;
  const anchor = px < box.left + width / 2 ? "start" : px > box.right - width / 2 ? "end" : "middle";
  const left = px - width * { start: 0, middle: 0.5, end: 1 }[anchor];
  const most = Math.max(peak.max, highest(view, place, isStacked, [left, left + width]));
  const radius = 3.5 * scaleFactor;
  svg.append(
    // The most of a step is above its average: the mark stands on the line that it belongs to.
    ...(foot - py > radius ? [line("stem", px, py + radius, px, foot)] : []),
    circle("peak", px, py, radius),
    label("peak-label", words, px, Math.max(LABEL_TOP * scaleFactor, y(most) - 11 * scaleFactor), anchor),
  );
}

/** The highest value that is drawn between two places, so that words above it cross no line. */
function highest({ points, comparison, present, to, isExact }, { x }, isStacked, [left, right]) {
  const top = (point) => (isStacked ? point.most : point.max) ?? 0;
  // A line of averages goes from the middle of a step to the middle of the next.
  const beyond = (at, end) => (isExact ? 0 : (x(end) - x(at)) / 2);
  const isWithin = ({ at, end }) => x(end) + beyond(at, end) >= left && x(at) - beyond(at, end) <= right;
  const drawn = points.filter(isWithin).map(top);
  const compared = (comparison?.points ?? []).filter(isWithin).map((point) => point.mean ?? 0);
  return Math.max(0, ...drawn, ...compared, present && x(to) <= right ? top(present) : 0);
}

function timeLabels(t, from, to, x, box, scaleFactor) {
  const { stepMs, ticks } = timeTicks(from, to, Math.floor((box.right - box.left) / (TICK_WIDTH * scaleFactor)));
  const half = 20 * scaleFactor;
  const fitting = ticks.filter((at) => x(at) >= box.left + half / 2 && x(at) <= box.right - half / 2);
  return fitting.flatMap((at) => [
    line("tick", x(at), box.bottom, x(at), box.bottom + 4 * scaleFactor),
    label("axis", tickLabel(t, at, stepMs, to - from), x(at), box.bottom + LABEL_ROOM * scaleFactor, "middle"),
  ]);
}

/** Stretches of points without a gap. */
function runs(points) {
  const found = [];
  let run = [];
  for (const point of points) {
    if (point.mean !== null) run.push(point);
    else if (run.length > 0) {
      found.push(run);
      run = [];
    }
  }
  return run.length > 0 ? [...found, run] : found;
}

function line(name, x1, y1, x2, y2, isBase = false) {
  return shape("line", isBase ? `${name} is-base` : name, {
    x1: round(x1), y1: round(y1), x2: round(x2), y2: round(y2),
  });
}

function path(name, d) {
  return shape("path", name, { d });
}

function circle(name, cx, cy, r) {
  return shape("circle", name, { cx: round(cx), cy: round(cy), r });
}

function label(name, text, x, y, anchor) {
  const made = shape("text", name, { x: round(x), y: round(y), "text-anchor": anchor });
  made.textContent = text;
  return made;
}

/** Makes an element of SVG, of these classes unless they are empty. */
export function shape(tag, name, attributes) {
  const made = document.createElementNS(SVG, tag);
  if (name !== "") made.setAttribute("class", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function round(value) {
  return Math.round(value * 10) / 10;
}
