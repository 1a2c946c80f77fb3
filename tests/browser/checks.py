"""What must hold of any page."""

import sys

# What somebody can't use who doesn't see, or has no mouse.
AXE = """
const done = arguments[arguments.length - 1];
axe.run(document, { resultTypes: ["violations"] })
   .then(found => done(found.violations.map(one => `${one.impact}: ${one.id}: ${one.nodes[0].html}`)));
"""

# What a page's policy must not let run.
INTRUDERS = """
        const script = document.createElement('script');
        script.textContent = 'window.isBroken = true';
        document.body.append(script);
        const handler = document.createElement('p');
        handler.innerHTML = '<img src=x onerror="window.isBroken = true">';
        document.body.append(handler);
"""


def check(holds, what):
    if not holds:
        raise SystemExit(f"{sys.argv[0]}: {what}")


def check_console(browser):
    complaints = browser.complaints()
    check(not complaints, f"the console says {complaints}")


def check_axe(browser, axe):
    """The rules are put in from outside of the page, whose policy may let nothing in."""
    with open(axe, encoding="utf-8") as file:
        browser.devtools("Runtime.evaluate", expression=file.read())
    found = browser.run_async(AXE)
    check(not found, f"axe-core finds {found}")
