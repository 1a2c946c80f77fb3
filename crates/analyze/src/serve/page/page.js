(() => {
"use strict";

const settings = JSON.parse(document.getElementById("settings").textContent);
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const { draw, fit, moves, number, written } = chartsOf(zone);
const { button, element, fill } = tables;
const at = id => document.getElementById(id);
const form = at("ask"), plots = at("plots"), tools = document.querySelector(".tools");
/** So many rows stand in the table of windows. */
const ROWS = Math.min(1000, settings.rows);
const count = new Intl.NumberFormat("en");
/** When a file was written, to the second. */
const toSecond = ms => written(Math.floor(ms / 1000) * 1000);

/** What is asked, and what is known of it. */
let asked = questions.read(location.search);
let archives = [], analyses = [], models = [], schema = null;
/** What is drawn: series and scores of a model, their charts by where they are, and the span that is shown of all. */
let series = [], scores = [], all = null, span = null;
const charts = new Map(), seriesOf = new WeakMap();
/** Ends what was asked before. */
let asking = new AbortController();

async function ask(path, parameters, signal) {
  const answer = await fetch(`/api/v1/${path}?${parameters ?? ""}`, { signal });
  const body = await answer.json().catch(() => ({ error: `it answers ${answer.status} without a reason` }));
  if (!answer.ok) throw new Error(body.error);
  return body;
}

const archive = () => archives.find(one => one.name === asked.source);
const analysis = () => analyses.find(one => one.name === asked.analysis);
const hasTimestamps = () => schema?.has_timestamps ?? true;

function say(problem) {
  at("problem").hidden = !problem;
  at("problem").textContent = problem ?? "";
  if (problem) at("news").textContent = "";
}

/** Looks for what can be asked, and shows what the address asks. */
async function begin() {
  at("news").textContent = "Looking for archives…";
  try {
    archives = (await ask("archives")).archives;
    if (settings.hasAnalyses) await showAnalyses();
    if (settings.hasModels) models = (await ask("models")).models;
    showArchives();
    form.hidden = false;
    await show();
  } catch (error) {
    say(error.message);
  }
}

/** Takes another question, which gets an address of its own. */
function change(changes) {
  asked = { ...asked, ...changes };
  show(true);
}

/** Shows what is asked. */
async function show(isNew) {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  document.body.classList.add("busy");
  say();
  try {
    await complete(signal);
    const address = questions.write(asked);
    if (isNew && address !== location.search) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
    fillForm();
    if (!archives.length) throw new Error("There are no archives yet.");
    if (!asked.analysis && !asked.value) throw new Error("No field of this archive can be measured.");
    await showAnswers(signal);
  } catch (error) {
    if (error.name === "AbortError") return;
    clear();
    say(error.message);
  }
  document.body.classList.remove("busy");
}

/** What the address doesn't say: the first archive, its first number, and a time of which there are records. */
async function complete(signal) {
  if (asked.analysis) {
    const found = analysis();
    if (!found) throw new Error(`There is no analysis ${asked.analysis}.`);
    if (!found.source) throw new Error(`What ${found.name} asks can't be read here.`);
    asked.source = found.source;
  } else if (!asked.source) {
    asked.source = (archives.find(one => !one.trouble && one.records !== 0) ?? archives[0])?.name ?? "";
  }
  if (!asked.source) return;
  if (schema?.source !== asked.source) {
    schema = null;
    schema = await ask("schema", new URLSearchParams({ source: asked.source }), signal);
  }
  const isTime = name => /(^|[._])(ts|time|timestamp|date)($|[._])|_(ms|ns|us)$/i.test(name);
  const fields = schema.columns.filter(one => one.is_field);
  // Whole numbers may count something; others have been measured.
  const numbers = ["number", "integer"].flatMap(kind => fields.filter(one => one.kind === kind));
  asked.value ||= (numbers.find(one => !isTime(one.name)) ?? numbers[0] ?? fields[0])?.name ?? "";
  if (!asked.last && (asked.since == null || asked.until == null)) Object.assign(asked, usualRange());
}

/** The last hour of what goes on, the last day of what has ended. */
function usualRange() {
  const { since_ms: since, until_ms: until } = archive() ?? {};
  if (until == null || until > Date.now() - 36e5) return { last: "1h", since: null, until: null };
  const end = Math.ceil((until + 1) / 6e4) * 6e4;
  return { last: "", since: Math.max(Math.floor(since / 6e4) * 6e4, end - 864e5), until: end };
}

function fillForm() {
  const option = (value, text) => new Option(text ?? value, value);
  const fields = form.elements;
  at("by-analysis").hidden = !asked.analysis;
  at("by-fields").hidden = at("groups").hidden = Boolean(asked.analysis);
  at("analysis").textContent = asked.analysis;
  fields.source.replaceChildren(...archives.map(one => option(one.name, one.trouble ? `${one.name} (${one.trouble})` : one.name)));
  const columns = (schema?.columns ?? []).filter(one => one.kind !== "timestamp");
  const measured = columns.filter(one => one.is_field);
  fields.value.replaceChildren(...measured.map(one => option(one.name)));
  const usable = models.filter(one => !one.trouble);
  fields.model.replaceChildren(option("", "none"), ...usable.map(one => option(one.name, `${one.name}: ${one.method} of ${one.features.join(", ")}`)));
  at("verdicts").hidden = !usable.length;
  for (const name of ["source", "value", "aggregate", "window", "method", "sigmas", "history", "period", "filter", "model"]) {
    const field = fields[name];
    // What only an address has said.
    if (field.options && asked[name] && ![...field.options].some(one => one.value === asked[name])) field.add(option(asked[name]));
    field.value = asked[name];
  }
  fields.aggregate.disabled = asked.window === "none";
  at("sigmas").hidden = !asked.method;
  at("history").hidden = asked.method !== "rolling-sigma";
  at("period").hidden = asked.method !== "seasonal";
  at("filter").hidden = !settings.allowsSql;
  at("range").hidden = !hasTimestamps();
  for (const radio of fields.last) radio.checked = radio.value === asked.last;
  at("dates").hidden = asked.last !== "";
  for (const name of ["since", "until"]) fields[name].value = asked[name] == null ? "" : local(asked[name]);
  fillGroups(columns);
  at("title").textContent = asked.analysis || asked.source || "archiver-analyze";
  document.title = `${at("title").textContent} – archiver-analyze`;
}

/** Fields that tell records apart: all but what is measured, and numbers with a fraction. */
function fillGroups(columns) {
  const isGroup = one => (one.is_field && one.kind !== "number" && one.name !== asked.value) || ["partition", "key"].includes(one.name);
  const boxes = columns.filter(one => isGroup(one) || asked.by.includes(one.name)).map(one => {
    const label = element("label"), box = element("input");
    Object.assign(box, { type: "checkbox", name: "by", value: one.name, checked: asked.by.includes(one.name) });
    label.append(box, ` ${one.name}`);
    return label;
  });
  const focused = document.activeElement?.name === "by" ? document.activeElement.value : null;
  at("by").replaceChildren(...boxes);
  at("by-said").textContent = asked.by.join(", ") || "none";
  boxes.map(label => label.firstChild).find(box => box.value === focused)?.focus();
  at("only").hidden = !asked.only.length;
  at("only").replaceChildren("Only ", ...asked.only.map(only => button(`${only} ×`, () =>
    change({ only: asked.only.filter(other => other !== only) }))));
  for (const drop of at("only").querySelectorAll("button")) drop.setAttribute("aria-label", `${drop.textContent} all again`);
}

/** A time as its field takes it, by the clock of whoever looks. */
function local(ms) {
  const date = new Date(ms - new Date(ms).getTimezoneOffset() * 6e4);
  return date.toISOString().slice(0, 19);
}

async function showAnswers(signal) {
  const range = questions.range(asked, analysis(), Date.now()), began = performance.now();
  const points = await ask("points", questions.points(asked, analysis(), range, hasTimestamps()), signal);
  const took = (performance.now() - began) / 1000;
  series = points.series;
  all = hasTimestamps() ? range : ends(series);
  span = [asked.from ?? all?.[0], asked.to ?? all?.[1]];
  drawAll();
  showAnomalies();
  showNotes(points, took);
  await showWindows(range, signal);
  await showVerdicts(range, signal);
}

/** From the first to the last point, of a file whose records have no timestamps. */
function ends(series) {
  const times = series.flatMap(one => [one.times[0], one.times.at(-1)]).filter(ms => ms != null);
  return times.length ? [Math.min(...times), Math.max(...times) + 1] : null;
}

function showNotes(points, took) {
  const sum = of => points.series.reduce((sum, one) => sum + one.counts[of], 0);
  const counted = (number, one, many) => `${count.format(number)} ${number === 1 ? one : many}`;
  const left = points.more ? `, ${count.format(points.more)} more with fewer anomalies left out` : "";
  const news = at("news");
  news.textContent = `${counted(points.series.length, "series", "series")}${left} · ${counted(sum("values"), "value", "values")}`
    + (points.series.some(one => one.expected) ? ` · ${counted(sum("anomalies"), "anomaly", "anomalies")}` : "")
    + ` · answered in ${took.toFixed(2)} s`;
  if (!points.series.length) {
    news.textContent = "No values in this time. ";
    const { until_ms: until } = archive() ?? {};
    if (until != null && hasTimestamps()) news.append(button("Show the last that there are", () =>
      change({ ...usualRange(), from: null, to: null })));
  }
  at("notes").hidden = !points.notes.length;
  at("notes").replaceChildren(...points.notes.map(note => element("li", note)));
}

/** A series by its metric and group. */
const group = one => one.group.map(({ field, value }) => `${field} = ${value ?? "null"}`).join(", ");
const label = one => one.group.length ? `${one.name}, ${group(one)}` : one.name;

/** A page of many charts draws those that somebody sees. */
const seen = new IntersectionObserver(entries => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    charts.set(target, draw(target, seriesOf.get(target), { range: () => span, zoom, reset: () => zoom(all) }));
  }
}, { rootMargin: "600px" });

function drawAll() {
  tools.hidden = !series.length || !all;
  drawIn(plots, series);
  drawIn(at("scores"), scores);
  showSpan();
}

/** Draws these series in a place, instead of those that were there. */
function drawIn(place, those) {
  for (const plot of place.querySelectorAll(".plot")) {
    seen.unobserve(plot);
    charts.get(plot)?.destroy();
    charts.delete(plot);
  }
  place.replaceChildren(...those.map((one, index) => article(one, `${place.id}-${index}`)));
  for (const plot of place.querySelectorAll(".plot")) seen.observe(plot);
}

function article(one, id) {
  const made = element("article", null, "chart"), name = element("h3", label(one)), place = element("div", null, "plot");
  name.id = id;
  made.setAttribute("aria-labelledby", name.id);
  const said = `${label(one)}: ${count.format(one.counts.values)} values`
    + (one.least == null ? "" : ` from ${number(null, one.least)} to ${number(null, one.greatest)}`)
    + (one.upper ? `, ${count.format(one.counts.anomalies)} anomalies` : "");
  seriesOf.set(place, one);
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", said);
  if (series.length > 1 && series.includes(one) && one.group.length && one.group.every(({ value }) => value != null)) {
    const alone = button("Only this", () => change({ only: one.group.map(({ field, value }) => `${field}:${value}`) }));
    alone.setAttribute("aria-label", `Only this: ${group(one)}`);
    name.append(" ", alone);
  }
  made.append(name, place);
  return made;
}

function showSpan() {
  at("shown").textContent = span && all ? `${written(span[0])} to ${written(span[1])}` : "";
}

/** Shows this span at once, and asks for it in detail. */
function zoom([from, to]) {
  const length = Math.min(Math.max(to - from, 10), all[1] - all[0]);
  const begin = Math.min(Math.max((from + to - length) / 2, all[0]), all[1] - length);
  span = [Math.floor(begin), Math.ceil(begin + length)];
  for (const chart of charts.values()) chart.setScale("x", { min: span[0], max: span[1] });
  showSpan();
  const isAll = span[0] <= all[0] && span[1] >= all[1];
  // What is shown of the last hour is gone from it in a while.
  const held = isAll ? {} : { last: "", since: all[0], until: all[1] };
  change({ ...held, from: isAll ? null : span[0], to: isAll ? null : span[1] });
}

function showAnomalies() {
  const isJudged = series.some(one => one.expected);
  at("anomalies").hidden = !isJudged;
  if (!isJudged) return;
  const rows = series.flatMap(one => one.worst.map(point => ({ one, point })))
    .sort((left, right) => left.point.time - right.point.time || (label(left.one) < label(right.one) ? -1 : 1));
  const place = at("anomalies").querySelector(".table");
  if (!rows.length) return place.replaceChildren(element("p", "None.", "none"));
  const of = name => ({ point }) => number(null, point[name]);
  const found = series.reduce((sum, one) => sum + one.counts.anomalies, 0);
  fill(place, "Table of anomalies", [
    { name: "Time", of: ({ point }) => button(written(point.time), () => zoomTo(point.time), "at") },
    { name: "Metric", of: ({ one }) => one.name },
    { name: "Group", of: ({ one }) => group(one) },
    ...["value", "expected", "lower", "upper", "score"].map(name =>
      ({ name: name[0].toUpperCase() + name.slice(1), of: of(name), isNumber: true })),
  ], rows);
  if (found > rows.length) place.append(element("p", `${count.format(rows.length)} of ${count.format(found)}: those with the highest scores of each series.`, "none"));
}

function zoomTo(ms) {
  const length = (all[1] - all[0]) / 20;
  zoom([ms - length / 2, ms + length / 2]);
  at("charts").focus();
  at("charts").scrollIntoView();
}

async function showWindows(range, signal) {
  const hasWindows = asked.analysis ? analysis().has_windows : asked.window !== "none";
  at("windows").hidden = !hasWindows || !series.length;
  if (at("windows").hidden) return;
  const answer = await ask("windows", questions.windows(asked, analysis(), range, hasTimestamps(), ROWS), signal);
  const isTime = name => name === "window_start" || name === "window_end";
  const titles = { window_start: "From", window_end: "To" };
  const groups = new Set(series[0].group.map(({ field }) => field));
  const place = at("windows").querySelector(".table");
  fill(place, "Table of windows", answer.columns.map(name => ({
    name: titles[name] ?? name,
    of: row => isTime(name) ? written(row[name]) : groups.has(name) ? String(row[name] ?? "null") : number(null, row[name]),
    isNumber: !isTime(name) && !groups.has(name),
  })), answer.rows);
  if (answer.is_cut) place.append(element("p", `The first ${count.format(answer.rows.length)}; zoom in for others.`, "none"));
}

async function showVerdicts(range, signal) {
  const place = at("verdicts").querySelector(".table");
  if (!asked.model || at("verdicts").hidden) {
    drawIn(at("scores"), scores = []);
    return place.replaceChildren();
  }
  const model = models.find(one => one.name === asked.model) ?? { name: asked.model, by: [] };
  const parameters = questions.verdicts(asked, model, range, hasTimestamps());
  const drawn = await ask("scores", parameters, signal).catch(withoutScores);
  drawIn(at("scores"), scores = drawn.series);
  const answer = await ask("predict", `${parameters}&anomalies=true&limit=${ROWS}`, signal);
  const more = drawn.more ? [`${count.format(drawn.more)} more groups with fewer anomalies are not drawn.`] : [];
  const texts = new Set(["topic", ...model.by]);
  const columns = answer.columns.filter(name => name !== "is_anomaly");
  // The time first: it is what a row is called by.
  columns.sort((left, right) => (right === "time") - (left === "time"));
  if (!answer.rows.length) place.replaceChildren(element("p", "It finds nothing anomalous in this time.", "none"));
  else fill(place, "Table of verdicts", columns.map(name => ({
    name,
    of: row => name === "time" ? row.time == null ? "–" : written(row.time) : texts.has(name) ? String(row[name] ?? "null") : number(null, row[name]),
    isNumber: name !== "time" && !texts.has(name),
  })), answer.rows);
  const cut = answer.is_cut ? [`The first ${count.format(answer.rows.length)}; zoom in for others.`] : [];
  const notes = [...cut, ...more, ...drawn.trouble ?? [], ...answer.notes];
  place.append(...notes.map(note => element("p", note, "none")));
}

/** More groups than can be drawn still have a table. */
function withoutScores(error) {
  if (error.name === "AbortError") throw error;
  return { series: [], more: 0, trouble: [error.message] };
}

async function showAnalyses() {
  const answer = await ask("results");
  analyses = answer.analyses;
  at("analyses").hidden = false;
  const outputs = one => one.outputs.map(({ kind, path, written_ms: ms }) =>
    `${kind}${path ? ` ${path}` : ""}${ms == null ? "" : `, ${toSecond(ms)}`}`).join("; ");
  const place = at("analyses").querySelector(".table");
  fill(place, "Table of analyses", [
    { name: "Analysis", of: one => one.source ? link(one) : one.name },
    { name: "Archive", of: one => one.source ?? "can't be read here" },
    { name: "Measures", of: one => `${one.aggregates.join(", ")} ${one.aggregates.length ? "of " : ""}${one.value.join(", ")}`.trim() },
    { name: "By", of: one => one.by.join(", ") },
    { name: "Method", of: one => one.method ?? "" },
    { name: "Last run", of: one => one.last_run_ms == null ? "never seen" : toSecond(one.last_run_ms) },
    { name: "Outputs", of: outputs },
  ], analyses);
  place.append(element("p", `A last run is ${answer.last_run_is}.`, "none"));
}

/** A link that shows what an analysis measures now. */
function link(one) {
  const made = element("a", one.name);
  made.href = `?${new URLSearchParams({ analysis: one.name })}`;
  return made;
}

function showArchives() {
  at("archives").hidden = !archives.length;
  const number = of => one => one[of] == null ? "–" : count.format(one[of]);
  const time = of => one => one[of] == null ? "–" : written(one[of]);
  fill(at("archives").querySelector(".table"), "Table of archives", [
    { name: "Archive", of: one => one.name },
    { name: "Topic", of: one => one.topic ?? "–" },
    { name: "First record", of: time("since_ms") },
    { name: "Last record", of: time("until_ms") },
    { name: "Records", of: number("records"), isNumber: true },
    { name: "Bytes", of: number("bytes"), isNumber: true },
    { name: "Trouble", of: one => one.trouble ?? "" },
  ], archives);
}

function clear() {
  series = scores = [];
  drawAll();
  at("verdicts").querySelector(".table").replaceChildren();
  for (const id of ["anomalies", "windows", "notes"]) at(id).hidden = true;
}

/** What a field of the form says now. */
function changed({ target }) {
  const { name, value } = target;
  const zoomed = { from: null, to: null };
  if (name === "model") return change({ model: value });
  if (name === "source") {
    const usual = { value: "", by: [], only: [], filter: "", since: null, until: null, last: "" };
    return change({ source: value, ...usual, ...zoomed });
  }
  if (name === "by") {
    const by = [...form.querySelectorAll("[name=by]:checked")].map(box => box.value);
    return change({ by, only: asked.only.filter(only => by.some(field => only.startsWith(`${field}:`))), ...zoomed });
  }
  if (name === "last") {
    const [since, until] = questions.range(asked, analysis(), Date.now());
    return change({ last: value, since: value ? null : since, until: value ? null : until, ...zoomed });
  }
  if (name === "since" || name === "until") {
    const ms = new Date(value).getTime();
    return Number.isFinite(ms) && change({ [name]: ms, ...zoomed });
  }
  change({ [name]: value, ...(name === "value" ? { by: asked.by.filter(by => by !== value) } : {}), ...zoomed });
}

form.addEventListener("change", changed);
at("verdicts").addEventListener("change", changed);
form.addEventListener("submit", event => {
  event.preventDefault();
  show(true);
});
at("by-hand").addEventListener("click", () => change({ analysis: "", only: [], from: null, to: null }));
tools.addEventListener("click", event => {
  const move = event.target.closest("button")?.dataset.do;
  if (move) zoom(move === "all" ? all : moves[move](span));
});
addEventListener("popstate", () => {
  asked = questions.read(location.search);
  show();
});
new ResizeObserver(() => {
  for (const [place, chart] of charts) fit(chart, place);
}).observe(document.querySelector("main"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

begin();
})();
