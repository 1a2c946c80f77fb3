(() => {
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
/** Without a name it is the clock of whoever looks. */
const zone = data.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
const { draw, fit, moves, written } = chartsOf(zone);
const all = data.range && data.range[0] < data.range[1] ? data.range : data.range && [data.range[0] - 30000, data.range[1] + 30000];
const tools = document.querySelector(".tools");
const shown = document.getElementById("shown");
/** Charts that are drawn, by the number of their series. */
const charts = new Map();
let span = all;

function show(place) {
  const index = Number(place.dataset.series);
  charts.set(index, draw(place, data.series[index], { range: () => span, zoom, reset: () => zoom(all) }));
}

/** Shows this span in all charts, whole milliseconds of what there is. */
function zoom([from, to]) {
  const length = Math.min(Math.max(to - from, 10), all[1] - all[0]);
  const begin = Math.min(Math.max((from + to - length) / 2, all[0]), all[1] - length);
  span = [Math.floor(begin), Math.ceil(begin + length)];
  for (const chart of charts.values()) chart.setScale("x", { min: span[0], max: span[1] });
  shown.textContent = `${written(span[0])} to ${written(span[1])}`;
}

function begin() {
  if (!all) return;
  tools.hidden = false;
  zoom(all);
  tools.addEventListener("click", event => {
    const move = event.target.closest("button")?.dataset.do;
    if (move) zoom(move === "all" ? all : moves[move](span));
  });
  document.addEventListener("click", event => {
    const at = Number(event.target.closest("a[data-at]")?.dataset.at);
    const length = (all[1] - all[0]) / 20;
    if (at) zoom([at - length / 2, at + length / 2]);
  });
  // A page of hundreds of charts draws those that somebody sees.
  const seen = new IntersectionObserver(entries => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      show(target);
    }
  }, { rootMargin: "600px" });
  const places = [...document.querySelectorAll(".plot")];
  for (const place of places) seen.observe(place);
  const resized = new ResizeObserver(() => {
    for (const [index, chart] of charts) fit(chart, places[index]);
  });
  resized.observe(document.querySelector("main"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const [index, chart] of [...charts]) {
      chart.destroy();
      show(places[index]);
    }
  });
}

begin();
})();
