// Draws a history as SVG: the mean as an area, the band between min and max, the peak, the axes.

import { scale, tickLabel, timeTicks, valueTicks } from "./live-users-chart-scale.js";

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { top: 22, right: 12, bottom: 26, left: 34 };
const TICK_WIDTH = 64;
const LABEL_ROOM = 18;
/** So many points make a line that is drawn thinner. */
const DENSE_FROM_POINTS = 300;

/**
 * Fills an SVG element of this size.
 * @param {SVGElement} svg
 * @param {{points: {at: number, min: number | null, max: number | null, mean: number | null}[],
 *   from: number, to: number, stepMs: number}} history moments in ms
 * @returns where each point is: `{x, y}` or null where nothing is known
 */
export function drawChart(svg, history, width, height, scaleFactor = 1) {
  const margin = Object.fromEntries(Object.entries(MARGIN).map(([side, size]) => [side, size * scaleFactor]));
  const { points, from, to, stepMs } = history;
  const known = points.filter((point) => point.max !== null);
  const values = valueTicks(Math.max(1, ...known.map((point) => point.max)), height > 150 * scaleFactor ? 5 : 3);
  const widest = String(values.at(-1)).length;
  const left = Math.max(margin.left, (widest * 8 + 12) * scaleFactor);
  const box = { left, right: width - margin.right, top: margin.top, bottom: height - margin.bottom };
  const x = scale(from, to, box.left, box.right);
  const y = scale(0, values.at(-1), box.bottom, box.top);
  const middle = (point) => Math.min(box.right, Math.max(box.left, x(point.at + stepMs / 2)));

  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.classList.toggle("is-dense", points.length > DENSE_FROM_POINTS);
  svg.replaceChildren(
    ...values.map((value) => line("grid", box.left, y(value), box.right, y(value), value === 0)),
    ...values.map((value) => label("axis is-value", String(value), box.left - 8 * scaleFactor, y(value), "end")),
    ...timeLabels(from, to, x, box, scaleFactor),
  );
  for (const run of runs(points)) {
    const along = (pick) => run.map((point) => `${round(middle(point))},${round(y(pick(point)))}`);
    const upper = along((point) => point.max);
    const lower = along((point) => point.min).reverse();
    const mean = along((point) => point.mean);
    const [first, last] = [round(middle(run[0])), round(middle(run.at(-1)))];
    if (run.length === 1) {
      svg.append(circle("dot", first, y(run[0].mean), 2.5 * scaleFactor));
      continue;
    }
    svg.append(
      path("area", `M${first},${box.bottom}L${mean.join("L")}L${last},${box.bottom}Z`),
      path("band", `M${upper.join("L")}L${lower.join("L")}Z`),
      path("mean", `M${mean.join("L")}`),
    );
  }
  drawPeak(svg, known, middle, y, box, scaleFactor);
  return { box, places: points.map((it) => (it.mean === null ? null : { x: middle(it), y: y(it.mean) })) };
}

function drawPeak(svg, known, middle, y, box, scaleFactor) {
  const peak = known.reduce((best, point) => (best === null || point.max > best.max ? point : best), null);
  if (peak === null || peak.max === 0) return;
  const [px, py] = [middle(peak), y(peak.max)];
  const room = LABEL_ROOM * 2 * scaleFactor;
  const anchor = px < box.left + room ? "start" : px > box.right - room ? "end" : "middle";
  svg.append(
    circle("peak", px, py, 3.5 * scaleFactor),
    label("peak-label", `peak ${peak.max}`, px, py - 11 * scaleFactor, anchor),
  );
}

function timeLabels(from, to, x, box, scaleFactor) {
  const { stepMs, ticks } = timeTicks(from, to, Math.floor((box.right - box.left) / (TICK_WIDTH * scaleFactor)));
  const half = 20 * scaleFactor;
  const fitting = ticks.filter((at) => x(at) >= box.left + half / 2 && x(at) <= box.right - half / 2);
  return fitting.flatMap((at) => [
    line("tick", x(at), box.bottom, x(at), box.bottom + 4 * scaleFactor),
    label("axis", tickLabel(at, stepMs, to - from), x(at), box.bottom + LABEL_ROOM * scaleFactor, "middle"),
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

function shape(tag, name, attributes) {
  const made = document.createElementNS(SVG, tag);
  made.setAttribute("class", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function round(value) {
  return Math.round(value * 10) / 10;
}
