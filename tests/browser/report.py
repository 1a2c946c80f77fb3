"""A report of archiver-analyze in a real Chromium.

    report.py FILE SHOTS AXE    FILE is a report with a band, an anomaly and a group that is called like HTML

SHOTS is a directory for pictures, AXE is axe-core's axe.min.js. Exits with 1 at the first thing that is wrong.
"""

import sys

from checks import INTRUDERS, check, check_axe, check_console
from driver import Browser, eventually

WINDOWS = [("light", 1280, 900, "light"), ("dark", 1280, 900, "dark"), ("phone", 380, 760, "light")]

DRAWN = "return document.querySelectorAll('.uplot canvas').length"
SHOWN = "return document.getElementById('shown').textContent"
# Which of these colours the canvas of the first chart has.
COLORS = """
const canvas = document.querySelector('.uplot canvas');
const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
const seen = new Set();
for (let at = 0; at < pixels.length; at += 4) seen.add(`${pixels[at]},${pixels[at + 1]},${pixels[at + 2]}`);
return arguments[0].map(color => seen.has(color));
"""
RED, BLUE = "214,39,40", "31,111,178"


def check_policy(browser):
    """No script and no style gets in that was not there from the beginning."""
    browser.run(INTRUDERS + """
        const style = document.createElement('style');
        style.textContent = 'body { display: none }';
        document.head.append(style);""")
    stopped = eventually("the policy stops them", lambda: [
        line for line in browser.complaints() if "Content Security Policy" in line])
    check(len(stopped) >= 3, f"the policy stops only {stopped}")
    check(not browser.run("return window.isBroken ?? false"), "a script got in")
    check(browser.run("return getComputedStyle(document.body).display") == "block", "a style got in")


def check_zoom(browser):
    every = browser.run(SHOWN)
    browser.click("[data-do=in]")
    nearer = browser.run(SHOWN)
    check(nearer != every, "the button zooms nowhere")
    browser.click("[data-do=later]")
    check(browser.run(SHOWN) not in (nearer, every), "the button moves nowhere")
    browser.click("[data-do=all]")
    check(browser.run(SHOWN) == every, "there is no way back")
    browser.run("document.querySelector('.u-over').scrollIntoView({block: 'center'})")
    left, top, width = browser.run("""
        const place = document.querySelector('.u-over').getBoundingClientRect();
        return [place.left, place.top + place.height / 2, place.width].map(Math.round);""")
    mouse = [{"type": "pointerMove", "x": left + width // 4, "y": top}, {"type": "pointerDown", "button": 0},
             {"type": "pointerMove", "x": left + width // 2, "y": top, "duration": 200}, {"type": "pointerUp", "button": 0}]
    browser.do("POST", "/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": mouse}]})
    eventually("the mouse zooms", lambda: browser.run(SHOWN) != every)
    browser.click("[data-do=all]")
    browser.run("document.querySelector('a[data-at]').click()")
    check(browser.run(SHOWN) != every, "an anomaly's time doesn't lead to it")
    browser.click("[data-do=all]")


def check_without_script(browser, url):
    browser.devtools("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(url)
    browser.devtools("Emulation.setScriptExecutionDisabled", value=False)
    rows, tools = browser.run(
        "return [document.querySelectorAll('tbody tr').length, document.querySelector('.tools').hidden]")
    check(rows >= 2 and tools, f"without its script the page has {rows} rows, tools hidden: {tools}")


def main():
    path, shots, axe = sys.argv[1:]
    url = f"file://{path}"
    with Browser() as browser:
        browser.show(1280, 900)
        browser.open(url)
        title = browser.run("return document.title")
        check("broken" not in title, f"a group's name has become a script: {title}")
        eventually("a chart is drawn", lambda: browser.run(DRAWN))
        eventually("with a line and a red point", lambda: all(browser.run(COLORS, [RED, BLUE])))
        check_console(browser)
        check_zoom(browser)
        check_console(browser)
        for window, width, height, scheme in WINDOWS:
            browser.show(width, height, scheme)
            browser.open(url)
            eventually("a chart is drawn", lambda: browser.run(DRAWN))
            wide = browser.run("return document.documentElement.scrollWidth")
            check(wide <= width, f"it is {wide} wide in a window of {width}")
            check_axe(browser, axe)
            browser.shoot(f"{shots}/report-{window}.png")
            browser.run("document.querySelector('#charts').scrollIntoView()")
            browser.shoot(f"{shots}/report-{window}-charts.png")
        check_console(browser)
        browser.show(1280, 900)
        browser.open(url)
        check_policy(browser)
        check_without_script(browser, url)
    print("report.py: all is well")


if __name__ == "__main__":
    main()
