#!/usr/bin/env python3
"""`make bench`: archiver beside the Python loop and kcat, on a real Kafka, on this machine.

Sets up everything it needs under target/, keeps the topics there for the next time, prints the
tables as Markdown on standard output and writes them to target/bench/results.json.
"""

import argparse
import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import proc
import programs
import report
import setup
import verify
from broker import Broker
from measure import Measured, measure
from setup import ROOT, WORK, Missing, say

RECORD_BYTES = 190
PARTITIONS = 6
TMPFS = Path("/dev/shm")
SCRATCH = "archiver-bench-"
THOUSAND = 1_000
THOUSAND_TOPIC = programs.Topic(records=1_000, record_bytes=RECORD_BYTES, partitions=1)
# The broker's heap, its page cache and the output, with room for the programs.
OTHER_MEMORY_BYTES = 3_000_000_000


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
    parser.add_argument("--only", type=keys, default=programs.KEYS, metavar="KEY,…",
                        help=f"only these programs of {','.join(programs.KEYS)}")  # fmt: skip
    parser.add_argument("--skip-thousand", action="store_true", help="leave out the thousand archives")
    parser.add_argument("--quick", action="store_true", help="a smoke test: 1,000,000 records, one run")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables to a file too")
    args = parser.parse_args()
    if args.quick:
        args.records, args.runs = 1_000_000, 1
    return args


def keys(text):
    chosen = text.split(",")
    if unknown := set(chosen) - set(programs.KEYS):
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}")
    return chosen


def bench(args):
    topic = programs.Topic(args.records, RECORD_BYTES, PARTITIONS)
    check_room(topic)
    (WORK / "logs").mkdir(parents=True, exist_ok=True)
    libs = setup.kafka_libs()
    setup.venv_python()
    with Broker(libs) as broker:
        broker.make_topics(topic, [topic.name])
        one_topic = run_one_topic(broker, topic, args.only, args.runs)
        thousand = None if args.skip_thousand else run_thousand(broker, args.runs)
    return publish(args, topic, broker, one_topic, thousand)


def check_room(topic):
    """Room on the tmpfs, which is memory; what a killed driver left there is removed first."""
    for old in TMPFS.glob(f"{SCRATCH}*"):
        pid = old.name.removeprefix(SCRATCH).partition("-")[0]
        if not Path(f"/proc/{pid}").exists():
            shutil.rmtree(old, ignore_errors=True)
    output = topic.file_bytes(topic.records)
    if shutil.disk_usage(TMPFS).free < output:
        raise Missing(f"{TMPFS} has no room for {output / 1e9:.1f} GB; try fewer --records")
    if proc.memory_bytes("MemAvailable") < 2 * output + OTHER_MEMORY_BYTES:
        say("little memory for so many records: the broker may have to read from disk; try fewer --records")


def run_one_topic(broker, topic, chosen, runs):
    found = programs.one_topic(broker.address, topic, chosen)
    results = [
        report.Result(p.key, p.label, skipped=p.reason)
        if isinstance(p, programs.Skipped)
        else report.Result(p.key, p.label, p.records, runs=[])
        for p in found
    ]
    there = [(p, r) for p, r in zip(found, results, strict=True) if isinstance(p, programs.Program)]
    if there:
        # A run that nobody counts: the page cache and the broker's compiler are warm after it.
        say("warming up")
        fastest = next((p for p, _ in there if p.key in ("raw", "kcat")), there[0][0])
        once(broker, topic, fastest)
    for round_number in range(runs):
        # Whoever runs first finds another machine than who runs last: take turns.
        turn = round_number % max(1, len(there))
        for program, result in there[turn:] + there[:turn]:
            measured = once(broker, topic, program)
            result.runs.append(measured)
            say_how(f"{round_number + 1}/{runs} {program.key}", program.records, measured)
    return results


def run_thousand(broker, runs):
    names = [f"{THOUSAND_TOPIC.name}-{i:04}" for i in range(THOUSAND)]
    try:
        program = programs.thousand_archives(broker.address, names, THOUSAND_TOPIC)
    except Missing as e:
        label = f"{THOUSAND:,} archives of {THOUSAND_TOPIC.records:,} records"
        return report.Result("thousand", label, skipped=str(e))
    broker.make_topics(THOUSAND_TOPIC, names)
    result = report.Result(program.key, program.label, THOUSAND * program.records, runs=[])
    once(broker, THOUSAND_TOPIC, program)
    for round_number in range(runs):
        measured = once(broker, THOUSAND_TOPIC, program)
        result.runs.append(measured)
        say_how(f"{round_number + 1}/{runs} thousand", result.records, measured)
    return result


def once(broker, topic, program) -> Measured:
    """One run into a fresh directory on the tmpfs, checked and removed."""
    with tempfile.TemporaryDirectory(prefix=f"{SCRATCH}{os.getpid()}-", dir=TMPFS) as directory:
        job = program.job(Path(directory))
        measured = measure(job, WORK / "logs" / f"{program.key}.log", broker)
        if measured.problem is None:
            measured.problem = verify.problem(job.files, program.records, topic.file_bytes(program.records))
    return measured


def say_how(what, records, measured):
    if measured.problem:
        say(f"{what}: FAILED: {measured.problem}")
        return
    rate = measured.records_per_s(records)
    say(
        f"{what}: {report.thousands(rate)} records/s, {measured.cpu_s / records * 1e9:,.0f} ns, "
        f"{measured.peak_bytes / report.MB:.0f} MB, first byte {measured.first_byte_s:.2f} s, "
        f"99 % {measured.most_bytes_s:.2f} s, last {measured.last_byte_s:.2f} s; "
        f"broker {measured.broker_cpu_s / records * 1e9:,.0f} ns, others {measured.other_cores:.2f} cores"
    )


def publish(args, topic, broker, one_topic, thousand):
    facts = report.machine() | {
        "date": datetime.date.today().isoformat(),
        "archiver": archiver_version(),
        "kafka": broker.version,
        "runs": args.runs,
        "records": topic.records,
        "record_bytes": topic.record_bytes,
        "partitions": topic.partitions,
    }
    made = report.Report(facts, one_topic, thousand)
    results = WORK / "results.json"
    results.write_text(json.dumps(made.json(), indent=2, ensure_ascii=False) + "\n")
    markdown = made.markdown()
    print(markdown)
    if args.markdown:
        args.markdown.write_text(markdown)
    say(f"the same, with every run, is in {results.relative_to(ROOT)}")
    # A missed target is a finding, a run that lost records is a failure.
    return 1 if made.failed else 0


def archiver_version():
    try:
        asked = [str(setup.archiver()), "--version"]
        return subprocess.run(asked, capture_output=True, text=True, timeout=10).stdout.strip()
    except Missing:
        return "archiver not built"
    except subprocess.TimeoutExpired:
        return "an archiver that does not tell its version"


if __name__ == "__main__":
    sys.exit(main())
