// How <live-users-chart> looks. Everything that a page may change is a custom property.

export const style = new CSSStyleSheet();
style.replaceSync(`
  :host {
    --line: var(--live-users-chart-line, light-dark(#15803d, #4ade80));
    --band: var(--live-users-chart-band, light-dark(#15803d2b, #4ade802e));
    --area: var(--live-users-chart-area, light-dark(#15803d12, #4ade8012));
    --grid: var(--live-users-chart-grid, light-dark(#e6e6e3, #2b2b30));
    --quiet: var(--live-users-chart-quiet, light-dark(#5c5c66, #a1a1aa));
    --ink: var(--live-users-chart-ink, light-dark(#18181b, #ececef));
    --surface: var(--live-users-chart-surface, light-dark(#ffffff, #19191c));
    --chosen: var(--live-users-chart-chosen, light-dark(#ffffff, #34343a));
    --shade: var(--live-users-chart-shade, light-dark(#efefec, #232327));
    --control: var(--live-users-chart-control, light-dark(#85858c, #75757e));
    --person: var(--live-users-chart-person, light-dark(#4338ca, #a5b4fc));
    --waiting: var(--live-users-chart-waiting, light-dark(#b45309, #fbbf24));
    --machine: var(--live-users-chart-machine, light-dark(#52525b, #a1a1aa));
    display: flex;
    flex-direction: column;
    gap: 0.75em;
    min-width: 0;
    color: var(--ink);
    font-family: var(--live-users-font, inherit);
    font-variant-numeric: tabular-nums;
    color-scheme: inherit;
  }
  :host([hidden]) { display: none; }
  :host([theme="light"]) { color-scheme: light; }
  :host([theme="dark"]) { color-scheme: dark; }
  * { box-sizing: border-box; margin: 0; padding: 0; }
  .head {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: space-between;
    gap: 0.5em 1em;
  }
  .title { font-size: 1em; font-weight: 620; letter-spacing: -0.005em; }
  .title small { margin-left: 0.4em; font-size: 0.8125em; font-weight: 400; color: var(--quiet); letter-spacing: 0; }
  .since { color: var(--quiet); font-size: 0.8125em; }
  .since:empty { display: none; }
  .tools { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5em 0.75em; margin-left: auto; }
  .compare { display: flex; align-items: center; gap: 0.375em; color: var(--quiet); font-size: 0.8125em; }
  select {
    min-height: 2.125em;
    padding: 0 0.375em;
    border: 1px solid var(--control);
    border-radius: 0.5em;
    background: var(--surface);
    color: var(--ink);
    font: inherit;
    color-scheme: inherit;
  }
  select:focus-visible { outline: 2px solid var(--line); outline-offset: 1px; }
  .legend { display: flex; flex-wrap: wrap; gap: 0.125em 1.125em; list-style: none; color: var(--ink); font-size: 0.8125em; }
  .legend li { display: flex; align-items: center; gap: 0.4375em; white-space: nowrap; }
  .swatch { flex: none; width: 1.5em; height: 0.9em; overflow: hidden; }
  fieldset { display: flex; padding: 0.1875em; border: 0; border-radius: 0.5625em; background: var(--shade); }
  .choice { position: relative; }
  .choice input { position: absolute; inset: 0; width: 100%; height: 100%; opacity: 0; cursor: pointer; }
  .choice span {
    display: block;
    padding: 0.125em 0.5em;
    border-radius: 0.5em;
    font-size: 0.8125em;
    font-weight: 550;
    line-height: 1.7;
    color: var(--quiet);
  }
  .choice:hover span { color: var(--ink); }
  .choice input:checked + span {
    background: var(--chosen);
    color: var(--ink);
    box-shadow: 0 0 0 0.5px rgb(0 0 0 / 8%), 0 1px 2px rgb(0 0 0 / 10%);
  }
  .choice input:focus-visible + span { outline: 2px solid var(--line); outline-offset: 1px; }
  .stage { position: relative; flex: 1; min-height: var(--live-users-chart-height, 12.5em); border-radius: 0.25em; }
  .stage:focus { outline: none; }
  .stage:focus-visible { outline: 2px solid var(--line); outline-offset: 3px; }
  .chart { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; }
  text { fill: var(--quiet); font-size: 0.75em; font-family: inherit; }
  .is-value { dominant-baseline: central; }
  .grid { stroke: var(--grid); stroke-width: 1; }
  .grid.is-base, .tick { stroke: color-mix(in srgb, var(--quiet) 45%, transparent); stroke-width: 1; }
  .area { fill: var(--area); }
  .band { fill: var(--band); }
  .mean { fill: none; stroke: var(--line); stroke-width: 0.125em; stroke-linejoin: round; stroke-linecap: round; }
  .is-dense .mean { stroke-width: 0.09375em; }
  .is-withAgent { --own: var(--line); }
  .is-withPerson { --own: var(--person); }
  .is-waiting { --own: var(--waiting); }
  .is-machine { --own: var(--machine); }
  .tint { fill: color-mix(in srgb, var(--own) 14%, var(--surface)); }
  .mark { fill: none; stroke: var(--own); stroke-width: 1.1; }
  .mark.is-forced { display: none; }
  .mark.is-filled { fill: var(--own); stroke: none; }
  .edge, .casing { fill: none; stroke-linejoin: round; }
  .edge { stroke: var(--own); stroke-width: 0.125em; }
  .casing { stroke: var(--surface); stroke-width: 0.375em; }
  .compared { fill: none; stroke: var(--quiet); stroke-width: 0.0938em; stroke-dasharray: 4 3; stroke-linejoin: round; }
  .dot { fill: var(--line); }
  .stem { stroke: var(--line); stroke-width: 0.0938em; }
  .peak { fill: var(--surface); stroke: var(--line); stroke-width: 0.125em; }
  .peak-label { fill: var(--ink); font-weight: 600; paint-order: stroke; stroke: var(--surface); stroke-width: 0.25em; }
  .hair, .spot { position: absolute; pointer-events: none; }
  .hair { width: 1px; background: var(--quiet); }
  .spot {
    width: 0.625em;
    height: 0.625em;
    margin: -0.3125em 0 0 -0.3125em;
    border: 2px solid var(--surface);
    border-radius: 50%;
    background: var(--line);
  }
  .tip {
    position: absolute;
    top: 0;
    z-index: 1;
    padding: 0.5em 0.75em;
    border-radius: 0.5em;
    background: var(--ink);
    color: var(--surface);
    font-size: 0.8125em;
    line-height: 1.45;
    white-space: nowrap;
    pointer-events: none;
  }
  .tip b { display: block; font-size: 1.125em; font-weight: 650; }
  .tip span { display: block; opacity: 0.8; }
  @media (forced-colors: active) {
    :host {
      --line: CanvasText;
      --band: transparent;
      --area: transparent;
      --grid: GrayText;
      --quiet: CanvasText;
      --ink: CanvasText;
      --surface: Canvas;
      --person: CanvasText;
      --waiting: CanvasText;
      --machine: CanvasText;
    }
    .tint { fill: none; }
    .mark.is-forced { display: inline; }
    .choice input:checked + span { forced-color-adjust: none; background: Highlight; color: HighlightText; }
    .tip { border: 1px solid CanvasText; background: Canvas; color: CanvasText; }
    .tip span { opacity: 1; }
    .hair { background: Highlight; }
    .spot { forced-color-adjust: none; background: Highlight; border-color: Canvas; }
    fieldset { outline: 1px solid CanvasText; }
  }
  [hidden] { display: none !important; }
  .words {
    position: absolute;
    inset: 0;
    display: grid;
    place-content: center;
    padding: 1em;
    color: var(--quiet);
    font-size: 0.9375em;
    text-align: center;
    text-wrap: balance;
  }
  :host([state="ready"]) .words, :host([state="stale"]) .words { display: none; }
  :host([state="stale"]) .chart { filter: grayscale(1); }
  .peaks { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.5em, 1fr)); gap: 0.5em 0.75em; padding-top: 0.75em; border-top: 1px solid var(--grid); }
  .peaks:empty { display: none; }
  .peaks dt { color: var(--quiet); font-size: 0.75em; line-height: 1.5; }
  .peaks dd { font-size: 0.9375em; font-weight: 620; line-height: 1.4; white-space: nowrap; }
  .peaks dd span { margin-left: 0.375em; color: var(--quiet); font-size: 0.8em; font-weight: 400; }
  .hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
`);

/** The parts of the chart, without their texts. */
export function parts() {
  return [
    make("div", { class: "head", part: "head" }, [
      make("p", { class: "title", part: "title" }, [make("slot", {})]),
      make("p", { class: "since", part: "since" }),
      make("div", { class: "tools" }, [
        make("label", { class: "compare", part: "compare" }, [make("span", {}), make("select", {})]),
        make("fieldset", { part: "ranges" }, [make("legend", { class: "hidden" })]),
        make("slot", { name: "tools" }),
      ]),
    ]),
    make("ul", { class: "legend", part: "legend", hidden: "" }),
    make("div", { class: "stage", part: "stage", role: "slider", tabindex: "0", ...NO_VALUE }, [
      make("svg", { class: "chart", part: "chart", "aria-hidden": "true" }),
      make("div", { class: "hair", hidden: "" }),
      make("div", { class: "spot", hidden: "" }),
      make("div", { class: "tip", part: "tip", "aria-hidden": "true", hidden: "" }),
      make("p", { class: "words", part: "words" }),
    ]),
    make("dl", { class: "peaks", part: "peaks" }),
  ];
}

const NO_VALUE = {
  "aria-valuemin": "0",
  "aria-valuemax": "0",
  "aria-valuenow": "0",
};

// By the DOM's own functions: pages that require Trusted Types refuse HTML in a text.
function make(tag, attributes, children = []) {
  const made = document.createElementNS(`http://www.w3.org/${tag === "svg" ? "2000/svg" : "1999/xhtml"}`, tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
