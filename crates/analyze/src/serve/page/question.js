/** What the page asks: from its address, and back to one that others can open. */
const questions = (() => {
"use strict";

const SECOND = 1e3, MINUTE = 6e4, HOUR = 36e5, DAY = 864e5;
const UNITS = { s: SECOND, m: MINUTE, h: HOUR, d: DAY };
/** What a fitting length may be; so many windows are drawn at most. */
const LENGTHS = ["1s", "5s", "10s", "30s", "1m", "5m", "10m", "30m", "1h", "3h", "6h", "1d", "7d"];
const WINDOWS_MOST = 1500;
const SINGLE = ["source", "analysis", "value", "aggregate", "window", "method", "sigmas", "history", "period", "filter",
  "model", "last", "since", "until", "from", "to"];
/** What needs not be said. */
const USUAL = { aggregate: "mean", window: "auto", history: "6h", period: "1d" };
const TIMES = ["since", "until", "from", "to"];

/** How many milliseconds `90s`, `5m`, `24h` or `7d` are. */
const length = text => {
  const found = /^(\d+)([smhd])$/.exec(text ?? "");
  return found ? Number(found[1]) * UNITS[found[2]] : 0;
};

/** A time of an address in milliseconds, or nothing. */
const time = text => {
  const ms = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  return Number.isFinite(ms) ? ms : null;
};

const iso = ms => new Date(ms).toISOString().replace(".000Z", "Z");

/** What an address says. */
function read(search) {
  const parameters = new URLSearchParams(search);
  const asked = { by: [], only: parameters.getAll("only").filter(Boolean) };
  for (const name of SINGLE) asked[name] = parameters.get(name) || USUAL[name] || "";
  for (const name of TIMES) asked[name] = asked[name] === "" ? null : time(asked[name]);
  asked.by = (parameters.get("by") ?? "").split(",").filter(Boolean);
  return asked;
}

/** The address that says it. */
function write(asked) {
  const parameters = new URLSearchParams();
  const isBlank = value => value == null || value === "";
  for (const name of SINGLE) {
    const value = TIMES.includes(name) && asked[name] != null ? iso(asked[name]) : asked[name];
    if (!isBlank(value) && value !== USUAL[name]) parameters.set(name, value);
  }
  if (asked.by.length) parameters.set("by", asked.by.join(","));
  for (const only of asked.only) parameters.append("only", only);
  return `?${parameters}`;
}

/** How long windows are; 0 without any. */
function step(asked, analysis) {
  if (analysis) return analysis.window_ms ?? 0;
  if (asked.window === "none") return 0;
  if (asked.window !== "auto") return length(asked.window);
  const span = asked.last ? length(asked.last) : asked.until - asked.since;
  return length(LENGTHS.find(one => span / length(one) <= WINDOWS_MOST) ?? LENGTHS.at(-1));
}

/** From when to when, in whole windows: half of one would be measured as if it were one. */
function range(asked, analysis, now) {
  const whole = step(asked, analysis) || SECOND;
  if (asked.last) {
    const until = Math.floor(now / whole) * whole;
    return [until - Math.max(length(asked.last), whole), until];
  }
  return [Math.floor(asked.since / whole) * whole, Math.ceil(asked.until / whole) * whole];
}

/** How much earlier than what is shown must be read, to know what to expect of it. */
function before(asked, analysis) {
  if (analysis) return analysis.reads_before_ms;
  if (asked.method === "rolling-sigma") return length(asked.history);
  return asked.method === "seasonal" ? 4 * length(asked.period) : 0;
}

/** What says the definition, for the API. */
function defined(asked, analysis, isJudged) {
  const parameters = new URLSearchParams();
  if (analysis) {
    parameters.set("analysis", analysis.name);
  } else {
    parameters.set("source", asked.source);
    parameters.set("value", asked.value);
    if (asked.by.length) parameters.set("by", asked.by.join(","));
    if (asked.filter) parameters.set("filter", asked.filter);
    const ms = step(asked);
    if (ms) {
      parameters.set("tumbling", `${ms / SECOND}s`);
      parameters.set("aggregates", asked.aggregate);
    }
    if (isJudged && asked.method) {
      parameters.set("method", asked.method);
      if (asked.sigmas) parameters.set("sigmas", asked.sigmas);
      if (asked.method === "rolling-sigma") parameters.set("history", asked.history);
      if (asked.method === "seasonal") parameters.set("period", asked.period);
    }
  }
  for (const only of asked.only) parameters.append("only", only);
  return parameters;
}

/** The parameters for the charts: all of the range is judged, and what is shown of it is asked for in detail. */
function points(asked, analysis, [since, until], hasTimestamps) {
  const parameters = defined(asked, analysis, true);
  if (hasTimestamps) {
    parameters.set("since", since - before(asked, analysis));
    parameters.set("until", until);
    parameters.set("from", asked.from ?? since);
    parameters.set("to", asked.to ?? until);
  }
  return parameters;
}

/** The parameters for the table of windows. */
function windows(asked, analysis, [since, until], hasTimestamps, limit) {
  const parameters = defined(asked, analysis, false);
  const whole = step(asked, analysis) || 1;
  if (hasTimestamps) {
    parameters.set("since", Math.floor((asked.from ?? since) / whole) * whole);
    parameters.set("until", Math.ceil((asked.to ?? until) / whole) * whole);
  }
  parameters.set("limit", limit);
  return parameters;
}

/** The parameters for what a model says of the records that are shown: of groups that are shown alone, where it tells them apart. */
function verdicts(asked, model, [since, until], hasTimestamps) {
  const parameters = new URLSearchParams({ source: asked.source, model: model.name });
  const isKnown = only => model.by.some(name => only.startsWith(`${name}:`));
  for (const only of asked.only.filter(isKnown)) parameters.append("only", only);
  if (hasTimestamps) {
    parameters.set("since", asked.from ?? since);
    parameters.set("until", asked.to ?? until);
  }
  return parameters;
}

return { length, points, range, read, step, verdicts, windows, write };
})();
