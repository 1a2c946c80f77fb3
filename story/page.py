"""The page of results in a real Chromium: the second day of one service, and its fault with a model's verdicts."""

import json
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta

import numpy
import proc
import setup
from commands import ARCHIVE, MODELS, ROOT, WORK, Failed, found, tell
from services import day

sys.path.append(str(ROOT / "tests" / "browser"))
from checks import check, check_console
from driver import Browser, eventually

MODEL = "kmeans"
# A program that isn't optimised takes its time for a day.
PATIENCE_S = 300
IS_DRAWN = """
return !document.body.classList.contains('busy') && !document.getElementById('ask').hidden
  && document.querySelectorAll('.uplot canvas').length > 0"""
PROBLEM = "return document.getElementById('problem').textContent"
PLOTS = "return [...document.querySelectorAll(`#${arguments[0]} .plot`)].map(plot => plot.getAttribute('aria-label'))"
# Whether the chart has pixels of each colour; of a copy, as Chromium complains of a canvas that is read often.
HAS_COLORS = """
const chart = document.querySelector('.uplot canvas');
const copy = new OffscreenCanvas(chart.width, chart.height).getContext('2d', { willReadFrequently: true });
copy.drawImage(chart, 0, 0);
const pixels = copy.getImageData(0, 0, chart.width, chart.height).data;
const seen = new Set();
for (let at = 0; at < pixels.length; at += 4) seen.add(pixels.slice(at, at + 3).join());
return arguments[0].every(color => seen.has(color));"""
LINE, ANOMALY = "31,111,178", "214,39,40"
ROWS = "return [...document.querySelectorAll(`#${arguments[0]} .table tbody tr`)].map(row => row.innerText)"


class Served:
    """`with Served() as address:` — the page of the archive, with the models."""

    def __enter__(self):
        self.log = WORK / "serve.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [setup.analyze(), "serve", ARCHIVE, "--models", MODELS, "--listen", "127.0.0.1:0", "--timeout", "4m"],
                cwd=WORK, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=proc.die_with_parent,
            )  # fmt: skip
        while self.process.poll() is None:
            if answering := re.search(r"http://[\d.:]+(?=/)", self.log.read_text()):
                return answering[0]
            time.sleep(0.05)
        raise Failed(f"archiver-analyze serve ended: {setup.last_line(self.log.read_text())}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def find_browser():
    """Installed through apt when that is possible."""
    for name, package in [("chromium", "chromium"), ("chromedriver", "chromium-driver")]:
        setup.command(name, package)


def show(fault, records, verdicts):
    """Of a service with this fault, where these are the second day's records and what the model says of them."""
    with Served() as address:
        tell(f"the page of results: {address}/")
        source = ask(address, "archives")["archives"][0]["name"]
        time_last_hour(address, source)
        link = {"source": source, "value": "response_time", "window": "none", "method": "three-sigma", "model": MODEL,
                "since": day(1), "until": day(2), "by": "appid", "only": f"appid:{fault['service']}"}  # fmt: skip
        with Browser() as browser:
            browser.show(1280, 1800)
            check_day(browser, f"{address}/", link)
            check_fault(browser, f"{address}/", link, fault, records, verdicts)


def ask(address, route, **parameters):
    with urllib.request.urlopen(f"{address}/api/v1/{route}?{urllib.parse.urlencode(parameters)}") as answer:
        return json.load(answer)


def time_last_hour(address, source):
    for which in ["first", "then"]:
        began = time.monotonic()
        answer = ask(address, "windows", source=source, value="response_time", by="appid", tumbling="1m",
                     aggregates="count,p99", since=day(2 - 1 / 24), until=day(2))  # fmt: skip
        ms = (time.monotonic() - began) * 1000
        count = sum(row["count"] for row in answer["rows"])
        found(f"{which} {ms:.0f} ms: the last hour by minute and service, {count:,} records")


def open_link(browser, page, link):
    """The page must be drawn, say nothing of problems, and keep its address."""
    address = f"{page}?{urllib.parse.urlencode(link)}"
    browser.open(address)
    eventually(f"drawn: {address}", lambda: browser.run(IS_DRAWN) or browser.run(PROBLEM), PATIENCE_S)
    check(not browser.run(PROBLEM), f"the page says {browser.run(PROBLEM)!r}")
    now = urllib.parse.parse_qsl(browser.run("return location.search")[1:])
    check(dict(now) == link, f"the address of {link} has become one of {dict(now)}")
    plots = [browser.run(PLOTS, of) for of in ("plots", "scores")]
    check([len(of) for of in plots] == [1, 1], f"not one chart of values and one of scores: {plots}")
    eventually("a line with anomalies", lambda: browser.run(HAS_COLORS, [LINE, ANOMALY]))
    check_console(browser)
    found(f"{address}")
    found(f"drawn: {plots[0][0]}; {plots[1][0]}; nothing in the console")


def shoot(browser, name):
    browser.shoot(WORK / name)
    found(f"{WORK / name}")


def check_day(browser, page, link):
    open_link(browser, page, link)
    check(browser.run(ROWS, "verdicts"), "there are no verdicts of the day")
    check(browser.run(ROWS, "anomalies"), "there are no anomalies of the day")
    shoot(browser, "page.png")


def check_fault(browser, page, link, fault, records, verdicts):
    """Around the fault there are the verdicts that predict has printed."""
    minute = timedelta(minutes=1)
    since = datetime.fromtimestamp(fault["since_ms"] // 60_000 * 60, UTC) - minute
    until = datetime.fromtimestamp(fault["until_ms"] // 60_000 * 60, UTC) + 2 * minute
    shown = {"from": since.strftime("%Y-%m-%dT%H:%M:%SZ"), "to": until.strftime("%Y-%m-%dT%H:%M:%SZ")}
    open_link(browser, page, link | shown)
    times = records["time"]
    is_shown = (times >= since.timestamp() * 1000) & (times < until.timestamp() * 1000)
    of_service = records["appid"] == fault["service"]
    expected = int(numpy.sum(verdicts & is_shown & of_service))
    rows = browser.run(ROWS, "verdicts")
    check(all(fault["service"] in row.split() for row in rows), "there are verdicts of other services")
    is_cut = "zoom in for others" in browser.run("return document.getElementById('verdicts').innerText")
    said = f"{len(rows)} verdicts of {fault['service']} around its fault, and {expected} by predict"
    check(rows and (len(rows) == expected or is_cut), said)
    found(said)
    browser.run("document.getElementById('verdicts').scrollIntoView()")
    shoot(browser, "page-verdicts.png")
