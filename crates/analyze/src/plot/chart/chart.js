/** Charts by the clock of a zone: what `series` has is `name`, `times` and columns of numbers beside them. */
const chartsOf = zone => {
"use strict";

const zoned = options => new Intl.DateTimeFormat("sv-SE", { timeZone: zone, ...options });
const minutes = zoned({ dateStyle: "short", timeStyle: "medium" });
const parts = zoned({ fractionalSecondDigits: 3 });
const written = ms => minutes.format(ms) + (ms % 1000 ? "." + parts.format(ms).padStart(3, "0") : "");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 6 });
const exact = new Intl.NumberFormat("en", { maximumSignificantDigits: 9 });
const odd = new Intl.NumberFormat("en", { notation: "scientific", maximumSignificantDigits: 6 });
const HEIGHT = 260;
const isOdd = number => number !== 0 && (Math.abs(number) < 1e-4 || Math.abs(number) >= 1e15);
const color = name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function axisNumbers(_, ticks) {
  const furthest = Math.max(...ticks.map(Math.abs));
  const step = ticks.length > 1 ? Math.abs(ticks[1] - ticks[0]) : furthest;
  // Numbers that are alike in their first digits need all of them.
  const format = isOdd(furthest) ? odd : furthest >= 1e4 && furthest / step < 1e3 ? short : exact;
  return ticks.map(number => format.format(number));
}

function number(_, value) {
  return value == null ? "–" : (isOdd(value) ? odd : exact).format(value);
}

/** What uPlot draws of a series: columns, and how. */
function drawn(series) {
  const columns = [series.times, series.values];
  const lines = [
    { label: "Time", value: (_, ms) => ms == null ? "–" : written(ms) },
    { label: series.name, stroke: color("line"), width: 1.5, value: number },
  ];
  const bands = [];
  if (series.expected) {
    columns.push(series.expected);
    lines.push({ label: "Expected", stroke: color("expected"), width: 1, value: number, points: { show: false } });
  }
  if (series.lower) {
    bands.push({ series: [columns.length + 1, columns.length], fill: color("band") });
    for (const [label, column] of [["Lower", series.lower], ["Upper", series.upper]]) {
      columns.push(column);
      lines.push({ label, stroke: "transparent", width: 0, value: number, points: { show: false } });
    }
  }
  if (series.anomalies) {
    columns.push(series.anomalies);
    const points = { show: true, size: 9, fill: color("odd"), stroke: color("odd"), width: 0 };
    lines.push({ label: "Anomaly", stroke: color("odd"), paths: () => null, points, value: number });
  }
  return { columns, lines, bands };
}

/** Draws a series; `range` gives the span that is shown, `zoom` takes another one, `reset` shows all. */
function draw(place, series, { range, zoom, reset }) {
  const { columns, lines, bands } = drawn(series);
  const axis = {
    stroke: color("faint"), font: "12px system-ui, sans-serif",
    grid: { stroke: color("rule"), width: 1 }, ticks: { stroke: color("rule"), width: 1 },
  };
  const options = {
    width: place.clientWidth, height: HEIGHT, ms: 1, series: lines, bands,
    tzDate: ms => uPlot.tzDate(new Date(ms), zone),
    scales: { x: { range }, y: { range: (_, least, greatest) => room(least, greatest) } },
    axes: [{ ...axis, values: TIMES, space: 80 }, { ...axis, values: axisNumbers, size: axisWidth }],
    cursor: { sync: { key: "time" }, drag: { x: true, y: false, setScale: false }, bind: { dblclick: () => reset } },
    hooks: { setSelect: [chart => selected(chart, zoom)] },
  };
  return new uPlot(options, columns, place);
}

/** By the clock and the calendar, the date below where it changes. */
const TIMES = [
  [31536e6, "{YYYY}", null, null, null, null, null, null, 1],
  [2419200e3, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [864e5, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [6e4, "{HH}:{mm}", "\n{YYYY}-{MM}-{DD}", null, "\n{YYYY}-{MM}-{DD}", null, null, null, 1],
  [1e3, "{HH}:{mm}:{ss}", "\n{YYYY}-{MM}-{DD}", null, "\n{YYYY}-{MM}-{DD}", null, null, null, 1],
  [1, "{HH}:{mm}:{ss}.{fff}", "\n{YYYY}-{MM}-{DD}", null, "\n{YYYY}-{MM}-{DD}", null, null, null, 1],
];

/** An axis is never of no height, and has some room above and below. */
function room(least, greatest) {
  if (least == null) return [0, 1];
  const height = greatest - least;
  if (!(height > Math.max(Math.abs(least), Math.abs(greatest)) * 1e-12)) {
    const beside = Math.abs(least) * 0.1 || 1;
    return [least - beside, greatest + beside];
  }
  if (!Number.isFinite(height)) return [-Number.MAX_VALUE / 4, Number.MAX_VALUE / 4];
  const low = least >= 0 && least < height * 0.3 ? 0 : least - height * 0.05;
  return [low, greatest + height * 0.05];
}

function axisWidth(chart, labels) {
  const longest = Math.max(0, ...(labels ?? []).map(label => label.length));
  return Math.max(50, 22 + longest * 7);
}

function selected(chart, zoom) {
  const { left, width } = chart.select;
  if (width < 2) return;
  const [from, to] = [chart.posToVal(left, "x"), chart.posToVal(left + width, "x")];
  chart.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  zoom([from, to]);
}

/** Where the buttons above charts lead from a span. */
const moves = {
  in: ([from, to]) => [from + (to - from) / 4, to - (to - from) / 4],
  out: ([from, to]) => [from - (to - from) / 2, to + (to - from) / 2],
  earlier: ([from, to]) => [from - (to - from) / 2, to - (to - from) / 2],
  later: ([from, to]) => [from + (to - from) / 2, to + (to - from) / 2],
};

const fit = (chart, place) => chart.setSize({ width: place.clientWidth, height: HEIGHT });

return { draw, fit, moves, number, written };
};
