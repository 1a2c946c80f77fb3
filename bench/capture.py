"""`archiver capture`: all of a topic, a part of it by time, the end of a long one, and many topics at once."""

import json
import statistics
import subprocess
import time
from pathlib import Path

import proc
import programs
import setup
from measure import Job
from onetopic import PARTITIONS, RECORD_BYTES, hot_topic
from programs import Program, Topic
from report import MB, Section, ratio, thousands
from rounds import find, scratch, side_by_side
from setup import WORK, Failed, say
from thousand import LOAD, LOAD_QUICK
from times import BEGAN_MS, RECORDS_PER_S

KCAT = "kcat"
# A part of the topic whose records have times of their own.
PART_S, PART_S_QUICK = 120, 5
PART_RECORDS = 6_000_000
# What lies before the part that is wanted of a long topic.
LONG_RECORDS, LONG_RECORDS_QUICK = 100_000_000, 300_000
LONG_RECORD_BYTES = 10
LAST_RECORDS = 100_000
TOPICS, TOPICS_QUICK = 500, 50
TIMEOUT_S = 300


def section(broker, args):
    made = Section("A part of some topics: `archiver capture`")
    whole(made, broker, args)
    part(made, broker, args)
    last(made, broker, args)
    many(made, broker, args)
    return made


def whole(made, broker, args):
    """All of the hot topic, by the service and by a capture."""
    topic = hot_topic(broker, args)
    service = programs.renamed(programs.archiver("raw", broker.address, topic), "capture.service", "the service")
    found = [service, captured("capture.all", "`capture --all`", broker.address, topic, ["--all"])]
    made.add(side_by_side(broker, found, args.runs))
    rows(made, found, "capture.service", f"all of {topic.records:,} records")


def part(made, broker, args):
    """A part by time, by kcat and by a capture."""
    records, seconds = (args.records, PART_S_QUICK) if args.quick else (PART_RECORDS, PART_S)
    topic = Topic(records, RECORD_BYTES, PARTITIONS, times="own")
    broker.make_topics(topic, [topic.name])
    middle_ms = BEGAN_MS + records * 500 // RECORDS_PER_S // 1000 * 1000
    until_ms = middle_ms + seconds * 1000
    range_ = ["--since", str(middle_ms), "--until", str(until_ms)]
    address, wanted = broker.address, Topic(seconds * RECORDS_PER_S, RECORD_BYTES, PARTITIONS)

    def kcat():
        read = [setup.command(KCAT), "-C", "-b", address, "-t", topic.name, "-q", "-e"]
        read += ["-o", f"s@{middle_ms}", "-o", f"e@{until_ms}"]

        def job(directory):
            file = directory / "metrics.ndjson"
            return Job(commands=[read], files=[file], stdout=file, ends_itself=True)

        return Program("capture.kcat", "kcat `-o s@… -o e@…`", wanted, job)

    by_time = captured("capture.part", "`capture --since … --until …`", address, wanted, range_, topic.name)
    found = [find(kcat, "capture.kcat", "kcat"), by_time]
    made.add(side_by_side(broker, found, args.runs))
    rows(made, found, "capture.kcat", f"{seconds} s of {records:,} records")


def captured(key, label, address, topic, range_, name=None):
    command = [str(setup.archiver()), "-q", "capture", "-b", address, "-t", name or topic.name]

    def job(directory):
        file = directory / "metrics.ndjson"
        return Job(commands=[[*command, "-o", str(file), *range_]], files=[file], ends_itself=True)

    return Program(key, label, topic, job)


def rows(made, found, against, what):
    cells = []
    for key, label in [(p.key, p.label) for p in found]:
        if f"{key}.records_per_s" not in made.figures:
            cells.append([label, "not there"] + [""] * 4)
            continue
        f = {name: made.figures[f"{key}.{name}"] for name in ("records_per_s", "cpu_ns_per_record", "last_byte_s", "peak_bytes")}
        cells.append(
            [
                label,
                thousands(f["records_per_s"]),
                ratio(made.figures, f"{key}.records_per_s", f"{against}.records_per_s"),
                f"{f['cpu_ns_per_record']:,.0f} ns",
                f"{f['last_byte_s']:.2f} s",
                f"{f['peak_bytes'] / MB:.0f} MB",
            ]
        )
    made.table([what, "records/s", "×", "CPU per record", "start to last byte", "peak memory"], cells)


def last(made, broker, args):
    """The last records of a topic that holds many before them."""
    before = LONG_RECORDS_QUICK if args.quick else LONG_RECORDS
    name, since_ms = long_topic(broker, before)
    figures = []
    with scratch() as directory:
        for number in range(args.runs):
            file = Path(directory) / str(number) / "last.ndjson"
            figures.append(first_byte(broker, name, file, since_ms))
            first_s, all_s, said = figures[-1]
            say(f"the end of {before:,}: first byte {first_s:.2f} s, all {all_s:.2f} s, read {said['read']:,}")
    first_s, all_s = (statistics.median(f[i] for f in figures) for i in (0, 1))
    read = max(f[2]["read"] for f in figures)
    made.figures |= {"capture.last.first_byte_s": first_s, "capture.last.read_share": read / LAST_RECORDS}
    made.runs += [{"program": "last", "first_byte_s": f, "all_s": a, "read": s["read"]} for f, a, s in figures]
    made.table(
        ["`capture --since …`", "start to first byte", "to the last one", "records read"],
        [[f"{LAST_RECORDS:,} records behind {before:,}", f"{first_s:.2f} s", f"{all_s:.2f} s", f"{read:,}"]],
    )


def long_topic(broker, before):
    """The name of a topic with so many small records, and the time from which on the last ones are."""
    name, known = f"long-{before}", WORK / f"long-{before}.json"
    there = held(broker, name)
    if known.exists() and there == before + LAST_RECORDS:
        return name, json.loads(known.read_text())
    if there is not None:
        broker.drop_topics([name])
    broker.make_topics(Topic(0, RECORD_BYTES, PARTITIONS), [name])
    produce(broker, name, before)
    # Stamped by the same clock: the next ones are later.
    since_ms = time.time_ns() // 1_000_000 + 1
    time.sleep(0.1)
    produce(broker, name, LAST_RECORDS)
    known.write_text(json.dumps(since_ms))
    return name, since_ms


def held(broker, name):
    """How many records a topic has; nothing if it isn't there."""
    command = [str(setup.archiver()), "topics", "-b", broker.address, "--moment", "0s", "--json", name]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    return json.loads(listed.stdout)["records"] if listed.returncode == 0 else None


def produce(broker, name, records):
    command = ["java", "-Xmx512m", *setup.QUIET_JAVA, "-cp", f"{broker.libs}/*"]
    command += ["org.apache.kafka.tools.ProducerPerformance", "--topic", name, "--num-records", str(records)]
    command += ["--record-size", str(LONG_RECORD_BYTES), "--throughput", "-1", "--producer-props"]
    command += [f"bootstrap.servers={broker.address}", "batch.size=200000", "linger.ms=20"]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=proc.die_with_parent)
    if done.returncode:
        raise Failed(f"producing {records:,} records: {done.stderr.strip()[-200:]}")


def first_byte(broker, name, file, since_ms):
    """(seconds until the file has a byte, until the capture has ended, what it reports)."""
    command = [str(setup.archiver()), "-q", "capture", "-b", broker.address, "-t", name, "-o", str(file)]
    command += ["--since", str(since_ms), "--set", 'flush="100ms"', "--json"]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=proc.die_with_parent)
    while process.poll() is None and not (file.exists() and file.stat().st_size):
        time.sleep(0.002)
    first_s = time.monotonic() - began
    said, _ = process.communicate(timeout=TIMEOUT_S)
    all_s = time.monotonic() - began
    report = json.loads(said) if process.returncode == 0 else {}
    if report.get("records") != LAST_RECORDS:
        raise Failed(f"{' '.join(command)} ended with {process.returncode} and {report.get('records')} records")
    return first_s, all_s, report


def many(made, broker, args):
    """Many topics in one command."""
    count, topic = (TOPICS_QUICK, LOAD_QUICK) if args.quick else (TOPICS, LOAD)
    names = topic.names(count)
    broker.make_topics(topic, names)
    flags = [flag for name in names for flag in ("-t", name)]

    def job(directory):
        command = [str(setup.archiver()), "-q", "capture", "-b", broker.address, *flags, "--all"]
        command += ["-o", str(directory / "{topic}.ndjson")]
        return Job(commands=[command], files=[directory / f"{name}.ndjson" for name in names], ends_itself=True)

    found = [Program("capture.many", f"`capture --all` of {count} topics", topic, job, count)]
    made.add(side_by_side(broker, found, args.runs))
    rows(made, found, "capture.many", f"{count * topic.records:,} records")
