#!/usr/bin/env python3
"""`make bench`: archiver beside what people use today, on a real Kafka, on this machine.

Sets up everything it needs under target/, keeps the topics there for the next time, prints the
tables as Markdown on standard output and writes them, with every run, to target/bench/results.json.
docs/benchmarks.md is made by `--markdown docs/benchmarks.md`.
"""

import argparse
import datetime
import json
import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path

import analyze
import before
import capture
import chart
import latency
import levels
import onetopic
import quiet
import reading
import replay
import report
import restarts
import segments
import service
import setup
import small
import spent
import thousand
import tuning
from broker import Broker
from rounds import scratch, sweep
from setup import ROOT, WORK, Failed, Missing, say
from warm import Warm

RESULTS = WORK / "results.json"
SECTIONS = {
    "hot": onetopic.hot,
    "shapes": onetopic.shapes,
    "profile": spent.section,
    "levels": levels.section,
    "connections": onetopic.connections,
    "tuning": tuning.section,
    "segments": segments.rotation,
    "paths": segments.paths,
    "reading": reading.whole,
    "since": reading.since,
    "analyze": analyze.section,
    "capture": capture.section,
    "thousand": thousand.drained,
    "load": thousand.loaded,
    "thousand-segments": segments.thousand,
    "live": restarts.section,
    "fairness": latency.fairness,
    "latency": latency.latency,
    "quiet": quiet.section,
    "replay": replay.section,
    "service": service.section,
    "small": small.section,
}
# Only when asked for, as it needs an earlier program.
ON_REQUEST = {"before": before.section}


def main():
    args = arguments()
    # Ended from outside is ended like Ctrl-C: through every `finally`.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return bench(args)
    except Missing as e:
        say(e)
        return 2
    except KeyboardInterrupt:
        say("interrupted")
        return 130


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=int(os.environ.get("BENCH_RECORDS", 12_000_000)),
                        help="records in the hot topic (BENCH_RECORDS; default 12,000,000)")  # fmt: skip
    parser.add_argument("--runs", type=int, default=3, help="runs of each program (default 3)")
    parser.add_argument("--sections", type=one_of(SECTIONS | ON_REQUEST), default=list(SECTIONS), metavar="NAME,…",
                        help=f"only these of {','.join(SECTIONS | ON_REQUEST)}")  # fmt: skip
    parser.add_argument("--only", type=one_of(onetopic.KEYS), default=onetopic.KEYS, metavar="KEY,…",
                        help=f"on the hot topic only these programs of {','.join(onetopic.KEYS)}")  # fmt: skip
    parser.add_argument("--shape", type=one_of(onetopic.SHAPES), default=list(onetopic.SHAPES), metavar="SHAPE,…",
                        help=f"of the other shapes only {','.join(onetopic.SHAPES)}")  # fmt: skip
    parser.add_argument("--many", type=int, nargs="+", default=[], metavar="N",
                        help="also so many archives of 100 records each, as many as the broker holds")  # fmt: skip
    parser.add_argument("--before", type=Path, metavar="FILE",
                        help="the earlier archiver for the sections before and segments")  # fmt: skip
    parser.add_argument("--build-times", action="store_true",
                        help="build both programs from nothing too, for the section analyze; takes long")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="a smoke test of everything: little of each, one run")
    parser.add_argument("--markdown", type=Path, metavar="FILE",
                        help="write the tables to a file too, and the chart beside it")  # fmt: skip
    args = parser.parse_args()
    if args.markdown and not args.markdown.parent.is_dir():
        parser.error(f"there is no directory {args.markdown.parent}")
    if args.quick:
        args.records, args.runs = 300_000, 1
    return args


def one_of(names):
    def choose(text):
        chosen = text.split(",")
        if unknown := set(chosen) - set(names):
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}")
        return chosen

    return choose


def bench(args):
    (WORK / "logs").mkdir(parents=True, exist_ok=True)
    setup.archiver()
    libs = setup.kafka_libs()
    setup.venv_python()
    sweep()
    sections = []
    with scratch() as directory, Warm(directory), Broker(libs) as broker:
        known = facts(args, broker)
        for name in args.sections:
            say(f"== {name}")
            sections.append(section(name, broker, args))
            # Whoever ends it after an hour has what was measured until then.
            made = report.Report(known, sections)
            write(made, args.markdown)
    print(made.markdown())
    say(f"the same, with every run, is in {RESULTS.relative_to(ROOT)}; the chart beside it")
    # A missed target is a finding, a run that lost records is a failure.
    return 1 if made.failed else 0


def section(name, broker, args):
    """Also one that failed: what was measured before it and after it took an hour."""
    try:
        made = (SECTIONS | ON_REQUEST)[name](broker, args)
    except Exception as e:
        if not isinstance(e, (Failed, Missing)):
            traceback.print_exc()
        made = report.Section(name, problems=[f"{name}: {e or type(e).__name__}"])
    made.key = name
    return made


def facts(args, broker):
    return report.machine() | {
        "date": datetime.date.today().isoformat(),
        "archiver": archiver_version(),
        "kafka": broker.version,
        "runs": args.runs,
        "quick": args.quick,
        "records": args.records,
    }


def write(made, markdown):
    RESULTS.write_text(json.dumps(made.json(), indent=2, ensure_ascii=False) + "\n")
    bars = chart.svg([result for section in made.sections if section.key == "hot" for result in section.results])
    if bars:
        RESULTS.with_suffix(".svg").write_text(bars)
    if markdown:
        picture = markdown.with_suffix(".svg")
        markdown.write_text(made.markdown(picture.name if bars else None))
        if bars:
            picture.write_text(bars)


def archiver_version():
    asked = [str(setup.archiver()), "--version"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, timeout=10).stdout.strip()
    except subprocess.TimeoutExpired:
        return "an archiver that does not tell its version"


if __name__ == "__main__":
    sys.exit(main())
