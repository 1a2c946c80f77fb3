#!/usr/bin/env python3
"""What prometheus.sh asks of a Prometheus, through its API: `prometheus.py URL QUESTION [WORD...]`.

The answer is a line on standard output and the exit code: 0 yes, 1 no.
"""

import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request

REFERENCE = "docs/reference/metrics.md"
RULES = "packaging/prometheus/archiver.rules.yml"
DASHBOARD = "packaging/grafana/archiver.json"

# What no short run on a healthy Kafka has: only while a disk fills, while retention comes closer, and where partitions
# are asked for.
RARE = re.compile("archiver_(disk_full_in_seconds|retention_headroom_seconds|partition_.*)")

url = sys.argv[1]


def ask(path, **words):
    """The `data` of an answer; what Prometheus calls an error ends this."""
    query = urllib.parse.urlencode(words, doseq=True)
    try:
        with urllib.request.urlopen(f"{url}/api/v1/{path}?{query}", timeout=10) as answer:
            answer = json.load(answer)
    except urllib.error.HTTPError as error:
        answer = json.load(error)
    except OSError as error:
        no(f"{url}: {error}")
    if answer["status"] != "success" or answer.get("warnings"):
        no(f"{path}: {words}: {answer.get('error') or answer.get('warnings')}")
    return answer["data"]


def no(why):
    print(why)
    sys.exit(1)


def documented():
    """The metrics of the reference, and what each is."""
    with open(REFERENCE) as page:
        return dict(re.findall(r"^\| `(archiver_\w+)` \| (\w+) \|", page.read(), re.M))


def target():
    """Is archiver scraped without an error, and are all of its samples taken?"""
    targets = ask("targets")["activeTargets"]
    if len(targets) != 1 or targets[0]["health"] != "up" or targets[0]["lastError"]:
        no(f"targets: {[(one['health'], one['lastError']) for one in targets]}")
    up = ask("query", query='up{job="archiver"} == 1')["result"]
    if len(up) != 1:
        no("up is not 1")
    samples = ask("query", query="scrape_samples_scraped")["result"][0]["value"][1]
    took = ask("query", query="max_over_time(scrape_duration_seconds[1m])")["result"][0]["value"][1]
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as page:
        page = page.read().decode()
    refused = r"^prometheus_target_scrapes?_\w*(?:duplicate|out_of|exceeded|failed)\w* ([1-9].*)"
    if found := re.search(refused, page, re.M):
        no(found[0])
    print(f"up is 1, no error, {samples} samples, the slowest scrape took {float(took) * 1000:.0f} ms")


def metrics():
    """Is each metric of the reference there, as what the reference calls it, and no other?"""
    reference = documented()
    told = ask("metadata")
    told = {name: meta[0]["type"] for name, meta in told.items() if name.startswith("archiver_")}
    # OpenMetrics has the names of counters without their ending.
    told = {name + "_total" * (kind == "counter" and not name.endswith("_total")): kind for name, kind in told.items()}
    missing = [name for name in reference if name not in told and not RARE.fullmatch(name)]
    if missing:
        no(f"missing: {' '.join(missing)}")
    if wrong := [name for name, kind in told.items() if reference.get(name) != kind]:
        no(f"not as in {REFERENCE}: {' '.join(wrong)}")
    absent = [name for name in reference if name not in told]
    print(f"{len(told)} of the {len(reference)} metrics of {REFERENCE}, no other; absent: {' '.join(absent)}")


def unknown(expression):
    """The metrics in an expression that the reference doesn't have."""
    names = set(re.findall(r"\b(archiver_\w+|up)\b", re.sub(r'"[^"]*"', "", expression)))
    bases = {re.sub("_(bucket|sum|count)$", "", name): name for name in names}
    reference = documented()
    wrong = [name for base, name in bases.items() if base not in reference and name not in reference and name != "up"]
    if not names:
        wrong = ["no metric"]
    return [f"{name} in {expression}" for name in wrong]


def rules():
    """Has Prometheus evaluated each rule, and is each metric in them documented?"""
    ours = [rule for group in ask("rules")["groups"] if group["file"].endswith(RULES) for rule in group["rules"]]
    with open(RULES) as file:
        alerts = re.findall("- alert: (.*)", file.read())
    with open(RULES.replace(".yml", ".test.yml")) as file:
        tests = file.read()
    if [rule["name"] for rule in ours] != alerts:
        no(f"{len(ours)} rules are loaded of {len(alerts)}")
    for rule in ours:
        if rule["health"] != "ok":
            no(f"{rule['name']}: {rule['health']} {rule.get('lastError')}")
        ask("query", query=rule["query"])
        if wrong := unknown(rule["query"]):
            no(f"{rule['name']}: {wrong[0]}")
        if rule["name"] not in tests:
            no(f"{rule['name']}: has no test")
        severity, said = rule["labels"].get("severity"), rule["annotations"]
        if severity not in ("critical", "warning") or not said.get("summary") or not said.get("description"):
            no(f"{rule['name']}: its severity, summary or description")
    print(f"{len(ours)} rules are evaluated, and each has a test")


def dashboard():
    """Is each expression of the dashboard evaluated, and answered where the metric is there?"""
    with open(DASHBOARD) as file:
        board = json.load(file)
    numbers = [panel["id"] for panel in board["panels"]]
    if len(set(numbers)) != len(numbers):
        no("two panels have one number")
    empty, count = [], 0
    for panel in board["panels"]:
        for one in panel.get("targets", []):
            count += 1
            if wrong := unknown(one["expr"]):
                no(f"{panel['title']}: {wrong[0]}")
            words = {"$cluster": ".*", "$archive": ".*", "$__rate_interval": "10s", "$__range": "1m"}
            expression = one["expr"]
            for word, value in words.items():
                expression = expression.replace(word, value)
            if "$" in expression:
                no(f"{panel['title']}: a variable that is none: {expression}")
            ask("query_range", query=expression, start=now() - 60, end=now(), step=5)
            if not ask("query", query=expression)["result"]:
                empty.append((panel["title"], one["expr"]))
    # Nothing has stopped, is lost or fills here.
    for title, expression in empty:
        if not RARE.search(expression) and "> 0" not in expression:
            no(f"{title}: nothing is answered to {expression}")
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"]).groups()
            if not ask(f"label/{label}/values", **{"match[]": series.replace("$cluster", ".*")}):
                no(f"the variable {variable['name']} has no values")
    titles = ", ".join(dict.fromkeys(title for title, _ in empty))
    print(f"{count} expressions are evaluated; nothing to show for {len(empty)}, of {titles}")


def now():
    """The time, by Prometheus' clock."""
    return float(ask("query", query="time()")["result"][1])


def alert(file, name, state, labels=""):
    """Is there an alert of a rule of this file in this state (`none`: no alert), with these labels?"""
    found = [
        one
        for group in ask("rules")["groups"]
        if group["file"].endswith(file)
        for rule in group["rules"]
        if rule["name"] == name
        for one in rule["alerts"]
        if labels in json.dumps(one["labels"])
    ]
    if state == "none":
        sys.exit(1 if found else 0)
    for one in found:
        if one["state"] == state:
            summary = one["annotations"]["summary"]
            if "<error" in json.dumps(one["annotations"]):
                no(f"{name}: a template fails: {one['annotations']}")
            print(f"{name} is {state}: {summary}")
            return
    no(f"{name} is not {state}, but {[one['state'] for one in found]}")


def holds(expression):
    """Does this expression have an answer?"""
    if not ask("query", query=expression)["result"]:
        no(f"no answer to {expression}")


questions = {one.__name__: one for one in (target, metrics, rules, dashboard, alert, holds)}
questions[sys.argv[2]](*sys.argv[3:])
