"""The status page in a real Chromium.

    page.py few URL SHOTS AXE     of an archiver with three archives: two that records flow into, one whose topic is missing
    page.py many URL SHOTS AXE    of one with a thousand

SHOTS is a directory for pictures, AXE is axe-core's axe.min.js. Exits with 1 at the first thing that is wrong.
"""

import sys
import time

from checks import check, check_axe, check_console
from driver import Browser, eventually

TAB, ENTER = "\ue004", "\ue007"
WINDOWS = [("light", 1280, 720, "light"), ("dark", 1280, 720, "dark"), ("phone", 380, 760, "light")]

NAMES = "return [...document.querySelectorAll('#table tbody tr:not([hidden])')].map(row => row.dataset.name)"
VALUES = "return [...document.querySelectorAll('#table tbody tr')].map(row => row.cells[arguments[0]].dataset.v ?? null)"
TOTALS = "return document.querySelector('[data-live=totals]').textContent"


def shoot_all(browser, url, shots, name, axe):
    for window, width, height, scheme in WINDOWS:
        browser.show(width, height, scheme)
        browser.open(url)
        wide = browser.run("return document.documentElement.scrollWidth")
        check(wide <= width, f"{name} is {wide} wide in a window of {width}")
        check_axe(browser, axe)
        browser.shoot(f"{shots}/{name}-{window}.png")
    browser.show(1280, 720)


def check_keyboard(browser, url):
    """The skip link comes first, and a heading sorts without a mouse."""
    browser.open(url)
    browser.press(TAB)
    first = browser.run("return document.activeElement.className")
    check(first == "skip", f"Tab goes to {first!r} first")
    browser.run("document.querySelector('#table thead th:nth-child(3) button').focus()")
    browser.press(ENTER)
    sorted_by = browser.run("return document.querySelector('[aria-sort]').textContent")
    check(sorted_by == "Records/s", f"Enter on Records/s sorts by {sorted_by!r}")


def check_without_script(browser, url, count):
    browser.devtools("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(url)
    browser.devtools("Emulation.setScriptExecutionDisabled", value=False)
    rows, tools = browser.run("""
        return [document.querySelectorAll("#table tbody tr").length, document.getElementById("tools").hidden]""")
    check(rows == count and tools, f"without its script the page has {rows} rows, tools hidden: {tools}")


def check_silence(browser, url):
    """A page that can't be brought up to date says so, and no longer when it can."""
    browser.open(url)
    is_late = "return document.body.classList.contains('late') && document.getElementById('news').textContent"
    offline = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.devtools("Network.enable")
    browser.devtools("Network.emulateNetworkConditions", offline=True, **offline)
    said = eventually("the page says that nothing answers", lambda: browser.run(is_late))
    check("does not answer" in said and "as of" in said, f"it says {said!r}")
    browser.devtools("Network.emulateNetworkConditions", offline=False, **offline)
    eventually("the page is up to date again", lambda: not browser.run(is_late))
    # What Chromium itself says of a network that is gone.
    strange = [line for line in browser.complaints() if "ERR_INTERNET_DISCONNECTED" not in line]
    check(not strange, f"the console says {strange}")


def few(browser, url, shots, axe):
    browser.show(1280, 720)
    browser.open(url)
    check(len(browser.run(NAMES)) == 3, "there are not three archives")
    before = browser.run(TOTALS)
    eventually("the totals move", lambda: browser.run(TOTALS) != before)
    before = browser.run(VALUES, 2)
    eventually("the rates move", lambda: browser.run(VALUES, 2) != before)
    missing = browser.run("return document.querySelector('tr[data-state=waiting] .why').textContent")
    check("doesn't exist" in missing, f"the archive without a topic says {missing!r}")
    check_console(browser)
    check_keyboard(browser, url)
    check_without_script(browser, url, 3)
    check_silence(browser, url)
    browser.open(url)
    name = browser.run(NAMES)[0]
    browser.click("#table tbody a")
    heading = browser.run("return document.querySelector('h1').textContent")
    check(heading == name, f"the page of {name} is of {heading}")
    shoot_all(browser, f"{url}archive/{name}", shots, "archive", axe)
    browser.click(".up a")
    check(len(browser.run(NAMES)) == 3, "there is no way back")
    # A line of a few points: one is made every 10 s.
    line = "return document.querySelector('.spark path')?.getAttribute('d').split('L').length > 5"
    eventually("there is a line of the rates", lambda: browser.run(line), 120)
    shoot_all(browser, url, shots, "three", axe)
    check_console(browser)


def check_sorted(browser, column, key):
    """Returns how long the quicker one of both directions took."""
    took = []
    for sign in (-1, 1):
        began = time.monotonic()
        browser.click(f"#table thead th:nth-child({column}) button")
        took.append(time.monotonic() - began)
        direction = browser.run("return document.querySelector('[aria-sort]').ariaSort")
        values = [key(value) for value in browser.run(VALUES, column - 1) if value is not None]
        wanted = sorted(values, reverse=direction == "descending")
        check(values == wanted, f"column {column}, {sign}: not {direction}")
    return min(took)


def many(browser, url, shots, axe):
    browser.show(1280, 720)
    began = time.monotonic()
    browser.open(url)
    print(f"1,000 archives are shown after {time.monotonic() - began:.2f} s")
    names = browser.run(NAMES)
    check(len(names) == 1000, f"{len(names)} archives")
    # The least of them: others use this machine as well.
    took = min(check_sorted(browser, 1, str), check_sorted(browser, 3, float))
    check(took < 2, f"sorting took {took:.1f} s")
    browser.type("#filter", names[7])
    found = browser.run(NAMES)
    check(found == [names[7]], f"a filter for {names[7]} finds {found[:5]}")
    said = browser.run("return document.getElementById('shown').textContent")
    check(said == "1 of 1000 archives", f"it says {said!r}")
    news = "return document.getElementById('news').textContent"
    before = browser.run(news)
    eventually("the page is brought up to date", lambda: browser.run(news) != before)
    check(browser.run(NAMES) == [names[7]], "the filter is gone after an update")
    browser.open(f"{url}?again{browser.run('return location.hash')}")
    check(browser.run(NAMES) == [names[7]], "the filter is gone after a reload")
    browser.clear("#filter")
    check_console(browser)
    shoot_all(browser, url, shots, "thousand", axe)
    check_console(browser)


def main():
    kind, url, shots, axe = sys.argv[1:]
    with Browser() as browser:
        {"few": few, "many": many}[kind](browser, url, shots, axe)
    print(f"page.py {kind}: all is well")


if __name__ == "__main__":
    main()
