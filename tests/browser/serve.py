"""The page of `archiver-analyze serve` in a real Chromium.

    serve.py URL SHOTS AXE    URL is of one that serves three hosts, one of which is called like HTML, with one anomaly, and
                              the analysis `high` and the model `usual`

SHOTS is a directory for pictures, AXE is axe-core's axe.min.js. Exits with 1 at the first thing that is wrong.
"""

import sys

from checks import INTRUDERS, check, check_axe, check_console
from driver import Browser, eventually
from report import COLORS, BLUE, RED

WINDOWS = [("light", 1280, 900, "light"), ("dark", 1280, 900, "dark"), ("phone", 380, 760, "light")]
TAB, SPACE = "\ue004", " "

DRAWN = "return document.querySelectorAll('.uplot canvas').length"
IS_IDLE = "return !document.body.classList.contains('busy') && !document.getElementById('ask').hidden"
NEWS = "return document.getElementById('news').textContent"
SHOWN = "return document.getElementById('shown').textContent"
SEARCH = "return location.search"
NAMES = "return [...document.querySelectorAll('.chart h3')].map(name => name.firstChild.textContent)"
# All that an address must bring back; a chart's legend comes when somebody sees it.
VIEW = """
const text = css => [...document.querySelectorAll(css)].filter(one => one.offsetParent).map(one => one.innerText);
return JSON.stringify([text('h1, h3, #shown, #by-said, .table td, .table tbody th'),
  [...document.querySelectorAll('select, input')].map(one => one.type === 'radio' || one.type === 'checkbox' ? one.checked : one.value),
  [...document.querySelectorAll('.plot')].map(one => one.getAttribute('aria-label'))]);
"""
CHOOSE = """
const field = document.querySelector(`[name=${arguments[0]}]`);
field.value = arguments[1];
field.dispatchEvent(new Event('change', { bubbles: true }));
"""


def await_idle(browser):
    eventually("the page is answered", lambda: browser.run(IS_IDLE))
    problem = browser.run("return document.getElementById('problem').textContent")
    check(not problem, f"the page says {problem!r}")


def open_at(browser, url):
    browser.open(url)
    await_idle(browser)
    eventually("a chart is drawn", lambda: browser.run(DRAWN))


def choose(browser, name, value):
    browser.run(CHOOSE, name, value)
    await_idle(browser)


def check_shared(browser, what):
    """Its address shows the same to whoever opens it."""
    before, address = browser.run(VIEW), browser.run("return location.href")
    browser.open("about:blank")
    open_at(browser, address)
    check(browser.run("return location.href") == address, f"{what}: the address has become another one")
    after = browser.run(VIEW)
    check(after == before, f"{what}: the address of\n{before}\nshows\n{after}")


def check_choices(browser, url):
    open_at(browser, url)
    check("last=" not in browser.run(SEARCH), "what has ended is shown as if it went on")
    choose(browser, "window", "none")
    choose(browser, "method", "mad")
    news = browser.run(NEWS)
    check("2,700 values" in news, f"without windows there are {news!r}")
    browser.run("document.querySelector('#groups').open = true")
    browser.click("[name=by][value=host]")
    await_idle(browser)
    names = browser.run(NAMES)
    check(len(names) == 3 and "web/1" in names[0], f"by host there are {names}")
    check(any("<b>web & 3</b>" in name for name in names), f"a name has become HTML: {names}")
    eventually("with a line and a red point", lambda: all(browser.run(COLORS, [RED, BLUE])))
    rows = browser.run("return [...document.querySelectorAll('#anomalies tbody tr')].map(row => row.innerText)")
    check(len(rows) == 1 and "900" in rows[0], f"the anomalies are {rows}")
    check_shared(browser, "groups")
    check_console(browser)


def check_zoom(browser):
    every = browser.run(SHOWN)
    before = browser.run(SEARCH)
    browser.click("[data-do=in]")
    await_idle(browser)
    check(browser.run(SHOWN) != every, "the button zooms nowhere")
    check("from=" in browser.run(SEARCH), "the address says nothing of what is shown")
    check_shared(browser, "zoom")
    browser.run("document.querySelector('.u-over').scrollIntoView({block: 'center'})")
    left, top, width = browser.run("""
        const place = document.querySelector('.u-over').getBoundingClientRect();
        return [place.left, place.top + place.height / 2, place.width].map(Math.round);""")
    nearer = browser.run(SHOWN)
    mouse = [{"type": "pointerMove", "x": left + width // 4, "y": top}, {"type": "pointerDown", "button": 0},
             {"type": "pointerMove", "x": left + width // 2, "y": top, "duration": 200}, {"type": "pointerUp", "button": 0}]
    browser.do("POST", "/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": mouse}]})
    eventually("the mouse zooms", lambda: browser.run(SHOWN) != nearer)
    await_idle(browser)
    browser.click("[data-do=all]")
    await_idle(browser)
    check(browser.run(SHOWN) == every, "there is no way back")
    check(browser.run(SEARCH) == before, f"{browser.run(SEARCH)} is all, as {before} was")
    browser.run("document.querySelector('button.at').click()")
    await_idle(browser)
    check(browser.run(SHOWN) != every, "an anomaly's time doesn't lead to it")
    browser.do("POST", "/back", {})
    eventually("the way back is the browser's", lambda: browser.run(SHOWN) == every)
    await_idle(browser)
    check_console(browser)


def check_finer(browser, url):
    """More values than are drawn at once are all there when one looks closer."""
    open_at(browser, url + "?window=none&by=host")
    await_idle(browser)
    counts = """
        const counts = [];
        for (const plot of document.querySelectorAll('.plot')) counts.push(Number(/: ([\\d,]+) values/.exec(plot.ariaLabel)[1].replace(',', '')));
        return counts;"""
    check(browser.run(counts) == [900, 900, 900], f"there are {browser.run(counts)} values")
    browser.click("[data-do=in]")
    await_idle(browser)
    eventually("the half is asked for", lambda: all(440 < count < 460 for count in browser.run(counts)))


def check_windows(browser, url):
    open_at(browser, url)
    choose(browser, "window", "1m")
    choose(browser, "aggregate", "p99")
    rows = "return document.querySelectorAll('#windows tbody tr').length"
    check(browser.run(rows) == 15, f"a table of {browser.run(rows)} windows")
    check_shared(browser, "windows")
    browser.click("#groups summary")
    browser.click("[name=by][value=host]")
    await_idle(browser)
    browser.click(".chart h3 button")
    await_idle(browser)
    check(len(browser.run(NAMES)) == 1, f"only one is {browser.run(NAMES)}")
    check_shared(browser, "only one")
    browser.click("#only button")
    await_idle(browser)
    check(len(browser.run(NAMES)) == 3, "all are not back")
    check_console(browser)


def check_analysis(browser, url):
    open_at(browser, url)
    said = browser.run("return document.querySelector('#analyses tbody').innerText")
    check("never" not in said and "high.csv" in said, f"of the analysis it says {said!r}")
    browser.click("#analyses tbody a")
    await_idle(browser)
    eventually("a chart is drawn", lambda: browser.run(DRAWN))
    check(len(browser.run(NAMES)) == 6, f"the analysis has {browser.run(NAMES)}")
    check_shared(browser, "analysis")
    check_console(browser)


def check_verdicts(browser, url):
    """A model's scores are drawn as values are, the range that is expected up to 1, and what is above it is red."""
    open_at(browser, url + "?by=host")
    choose(browser, "model", "usual")
    browser.run("document.getElementById('verdicts').scrollIntoView()")
    eventually("scores are drawn", lambda: browser.run("return document.querySelectorAll('#scores canvas').length"))
    said = browser.run("return [...document.querySelectorAll('#scores .plot')].map(plot => plot.ariaLabel)")
    check(len(said) == 3, f"the scores are {said}")
    check(said[0].startswith("score, host = web/1: 900 values from ") and said[0].endswith(", 1 anomalies"),
          f"the first scores are {said[0]!r}")
    check(all(one.endswith(", 0 anomalies") for one in said[1:]), f"the others are {said[1:]}")
    of_scores = COLORS.replace(".uplot canvas", "#scores .uplot canvas")
    eventually("with a line and a red point", lambda: all(browser.run(of_scores, [RED, BLUE])))
    legend = browser.run("return document.querySelector('#scores .u-legend').innerText")
    check("Upper" in legend and "Anomaly" in legend, f"the legend says {legend!r}")
    rows = browser.run("return [...document.querySelectorAll('#verdicts .table tbody tr')].map(row => row.innerText)")
    check(len(rows) == 1 and "900" in rows[0], f"the verdicts are {rows}")
    check_shared(browser, "verdicts")
    browser.click("[data-do=in]")
    await_idle(browser)
    part = "return Number(/: ([\\d,]+) values/.exec(document.querySelector('#scores .plot').ariaLabel)[1])"
    check(browser.run(part) < 900, "the zoom doesn't ask for a part of the scores")
    choose(browser, "model", "")
    check(not browser.run("return document.querySelector('#scores .plot')"), "without a model there are scores")
    check_console(browser)


def check_keyboard(browser, url):
    open_at(browser, url)
    browser.press(TAB)
    first = browser.run("return document.activeElement.className")
    check(first == "skip", f"Tab goes to {first!r} first")
    browser.run("document.querySelector('#groups summary').focus()")
    browser.press(SPACE)
    browser.press(TAB)
    browser.press(SPACE)
    await_idle(browser)
    box = browser.run("return [document.activeElement.name, document.activeElement.checked]")
    check(box == ["by", True], f"Tab and the space bar lead to {box}")
    browser.run("document.querySelector('[data-do=in]').focus()")
    browser.press(SPACE)
    await_idle(browser)
    check("from=" in browser.run(SEARCH), "the space bar zooms nowhere")


def check_problems(browser, url):
    browser.open(url + "?source=nothing")
    said = eventually("the page says what is wrong", lambda: browser.run("return document.getElementById('problem').innerText"))
    check("there is no archive" in said, f"it says {said!r}")
    browser.open(url + "?value=nothing")
    said = eventually("the page says what is wrong", lambda: browser.run("return document.getElementById('problem').innerText"))
    check("there is no field nothing" in said, f"it says {said!r}")
    # Chromium itself notes each answer that isn't well.
    strange = [line for line in browser.complaints() if "the server responded with a status of 4" not in line]
    check(not strange, f"the console says {strange}")
    browser.open(url + "?last=5m")
    eventually("nothing is found", lambda: "No values in this time" in browser.run(NEWS))
    browser.click("#news button")
    await_idle(browser)
    eventually("the last that there are", lambda: browser.run(DRAWN))
    check_console(browser)


def check_policy(browser, url):
    open_at(browser, url)
    browser.run(INTRUDERS + """
        fetch('http://127.0.0.1:1/').catch(() => {});""")
    stopped = eventually("the policy stops them", lambda: [
        line for line in browser.complaints() if "Content Security Policy" in line])
    check(len(stopped) >= 2, f"the policy stops only {stopped}")
    check(not browser.run("return window.isBroken ?? false"), "a script got in")


def check_without_script(browser, url):
    browser.devtools("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(url)
    browser.devtools("Emulation.setScriptExecutionDisabled", value=False)
    said = browser.run("return document.querySelector('main').textContent")
    check("openapi.json" in said, "without its script the page says nothing")


def shoot_all(browser, url, shots, axe):
    for window, width, height, scheme in WINDOWS:
        browser.show(width, height, scheme)
        open_at(browser, url + "?window=10s&by=host&method=mad&model=usual")
        wide = browser.run("return document.documentElement.scrollWidth")
        check(wide <= width, f"it is {wide} wide in a window of {width}")
        check_axe(browser, axe)
        browser.shoot(f"{shots}/serve-{window}.png")
        for part in ("charts", "anomalies", "verdicts", "analyses"):
            browser.run("document.getElementById(arguments[0]).scrollIntoView()", part)
            browser.shoot(f"{shots}/serve-{window}-{part}.png")
        check_console(browser)
    browser.show(1280, 900)


def main():
    url, shots, axe = sys.argv[1:]
    with Browser() as browser:
        browser.show(1280, 900)
        check_choices(browser, url)
        check_zoom(browser)
        check_finer(browser, url)
        check_windows(browser, url)
        check_analysis(browser, url)
        check_verdicts(browser, url)
        check_keyboard(browser, url)
        check_problems(browser, url)
        shoot_all(browser, url, shots, axe)
        check_policy(browser, url)
        check_without_script(browser, url)
    print("serve.py: all is well")


if __name__ == "__main__":
    main()
