"""Back into Kafka: as fast as it goes, beside kcat and Kafka's own producer; and by the clock, as the broker sees it."""

import json
import os
import re
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import proc
import setup
from live import Topics
from programs import Topic
from report import MIB, Section, ratio, thousands
from rounds import scratch
from setup import ROOT, Failed, Missing, say

RECORD_BYTES = 190
RECORDS, RECORDS_QUICK = 3_000_000, 100_000
PARTITIONS = 6
# Records a second over three topics, and for how long.
RATES = [(1_000, 60), (10_000, 60), (100_000, 20)]
RATES_QUICK = [(1_000, 3)]
TOPICS = 3
SLEEPS_S, SLEEPS_S_QUICK = 30, 3
# Until everything is ready; the first record is due then.
AHEAD_S = 5
FIRST_US = 1_700_000_000_000_000


def section(broker, args):
    made = Section("Replay")
    fastest(broker, args, made)
    schedule(broker, args, made)
    return made


@dataclass
class Ran:
    seconds: float
    cpu_s: float
    peak_bytes: int
    said: str


def run(command, stdin=None):
    """To its end; whole process, from outside."""
    began = time.monotonic()
    with open(stdin or os.devnull, "rb") as source:
        process = subprocess.Popen(
            list(map(str, command)), stdin=source, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            preexec_fn=proc.die_with_parent, cwd=setup.WORK,
        )  # fmt: skip
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise Failed(f"{Path(str(command[0])).name} failed: {said.strip().splitlines()[-1:]}")
    seconds = time.monotonic() - began
    return Ran(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, said)


# ---- as fast as it goes --------------------------------------------------------------------------------------------


def fastest(broker, args, made):
    records = RECORDS_QUICK if args.quick else RECORDS
    topic = Topic(records, RECORD_BYTES, PARTITIONS)
    broker.make_topics(topic, [topic.name])
    found = {}
    with scratch() as directory:
        directory = Path(directory)
        archive, lines = files(broker, topic, directory)
        for round_number in range(args.runs):
            for key, job in programs_of(broker, archive, lines, records).items():
                with Topics(broker, 0) as topics:
                    topics.names = [f"{stem()}-replayed"]
                    make(broker, topics.names[0], PARTITIONS)
                    try:
                        ran, per_s = job(topics.names[0])
                    except Missing as e:
                        say(f"{key}: {e}")
                        continue
                    count(broker, topics.names[0], PARTITIONS, records)
                run_of = {"records_per_s": per_s, "cpu_ns_per_record": ran.cpu_s / records * 1e9,
                          "peak_bytes": ran.peak_bytes}  # fmt: skip
                found.setdefault(key, []).append(run_of)
                made.runs.append({"program": key} | run_of)
                say(f"{round_number + 1}/{args.runs} {key}: {per_s / 1000:,.0f} k/s, {run_of['cpu_ns_per_record']:,.0f} ns, "
                    f"{ran.peak_bytes / MIB:.0f} MiB")  # fmt: skip
    for key, runs in found.items():
        made.figures |= {f"replay.{key}.{name}": statistics.median(r[name] for r in runs) for name in runs[0]}
    figure = made.figures.get
    made.table(
        ["program", "records/s", "× kcat", "CPU per record", "× kcat", "peak memory"],
        [[label, thousands(figure(f"replay.{key}.records_per_s")),
          ratio(made.figures, f"replay.{key}.records_per_s", "replay.kcat.records_per_s"),
          f"{figure(f'replay.{key}.cpu_ns_per_record'):,.0f} ns",
          ratio(made.figures, f"replay.{key}.cpu_ns_per_record", "replay.kcat.cpu_ns_per_record"),
          f"{figure(f'replay.{key}.peak_bytes') / MIB:.0f} MiB"]
         for key, label in LABELS.items() if figure(f"replay.{key}.records_per_s")],
    )  # fmt: skip
    made.say(
        f"{records:,} records of {RECORD_BYTES} B into a topic of {PARTITIONS} partitions. archiver: `--speed max` from an "
        "archive of whole records, whole process; about half of its CPU is reading and decoding, the rest its client, "
        "librdkafka, which is kcat's as well. kcat -P: the values alone, from a file of lines, whole process. Kafka's "
        "ProducerPerformance: by its own word, without the start of its JVM. All wait for all replicas; archiver and "
        "ProducerPerformance are idempotent."
    )


LABELS = {"archiver": "archiver replay", "kcat": "kcat -P", "perf": "ProducerPerformance"}


def stem():
    return f"live-{os.getpid()}"


def files(broker, topic, directory):
    """An archive of whole records, and the values in lines."""
    archive, lines = directory / "archive" / "all.ndjson", directory / "lines"
    common = [setup.archiver(), "capture", "-q", "-b", broker.address, "-t", topic.name, "--all"]
    run([*common, "-o", archive, "--format", "json"])
    run([*common, "-o", lines])
    return archive, lines


def programs_of(broker, archive, lines, records):
    def ours(topic):
        ran = run([setup.archiver(), "replay", archive, "-b", broker.address, "-t", topic, "--speed", "max", "--timestamps",
                   "now"])  # fmt: skip
        return ran, records / ran.seconds

    def kcat(topic):
        ran = run([setup.command("kcat"), "-P", "-b", broker.address, "-t", topic, "-X", "acks=all"], lines)
        return ran, records / ran.seconds

    def perf(topic):
        ran = run(["java", "-Xmx1g", "-cp", f"{broker.libs}/*", "org.apache.kafka.tools.ProducerPerformance", "--topic", topic,
                   "--num-records", records, "--record-size", RECORD_BYTES, "--throughput", -1, "--producer-props",
                   f"bootstrap.servers={broker.address}"])  # fmt: skip
        per_s = re.findall(r"([\d.]+) records/sec", ran.said)
        if not per_s:
            raise Missing("ProducerPerformance did not print its figures as expected")
        return ran, float(per_s[-1])

    return {"archiver": ours, "kcat": kcat, "perf": perf}


def make(broker, name, partitions, config=()):
    script = (
        "import sys; from confluent_kafka.admin import AdminClient, NewTopic; "
        "a = AdminClient({'bootstrap.servers': sys.argv[1]}); "
        "[f.result() for f in a.create_topics([NewTopic(sys.argv[2], int(sys.argv[3]), 1, "
        "config=dict(c.split('=') for c in sys.argv[4:]))]).values()]"
    )
    run([setup.venv_python(), "-c", script, broker.address, name, partitions, *config])


def count(broker, name, partitions, records):
    script = (
        "import sys; from confluent_kafka import Consumer, TopicPartition; "
        "c = Consumer({'bootstrap.servers': sys.argv[1], 'group.id': 'count'}); "
        "print(sum(c.get_watermark_offsets(TopicPartition(sys.argv[2], p), 30)[1] for p in range(int(sys.argv[3]))))"
    )
    found = int(run([setup.venv_python(), "-c", script, broker.address, name, partitions]).said.split()[-1])
    if found != records:
        raise Failed(f"{found:,} records are in the topic, expected {records:,}")


# ---- by the clock --------------------------------------------------------------------------------------------------


def schedule(broker, args, made):
    rows = []
    for rate, seconds in RATES_QUICK if args.quick else RATES:
        runs = [by_the_clock(broker, rate, seconds) for _ in range(args.runs)]
        made.runs += [{"rate": rate} | run for run in runs]
        rows.append(row_of(made, f"replay.clock-{rate}", f"archiver, {rate:,} records/s", runs))
    seconds = SLEEPS_S_QUICK if args.quick else SLEEPS_S
    runs = [by_sleeps(broker, 1_000, seconds) for _ in range(args.runs)]
    made.runs += [{"sleeps": 1_000} | run for run in runs]
    rows.append(row_of(made, "replay.sleeps", "a script that sleeps between rows, 1,000 records/s", runs))
    made.table(["", "late, p50", "p99", "most", "p99 of the first tenth", "p99 of the last tenth"], rows)
    made.say(
        f"Over {TOPICS} topics of one partition (the script: one), at `--speed 1`. By the broker's stamps (LogAppendTime) "
        "against the schedule, so the grain of a stamp, 1 ms, and the way to the broker are in it."
    )


def row_of(made, key, label, runs):
    found = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    made.figures |= {f"{key}.{name}": value for name, value in found.items()}
    say(f"{label}: " + ", ".join(f"{name} {value:.1f}" for name, value in found.items()))
    names = ["p50_ms", "p99_ms", "max_ms", "first_p99_ms", "last_p99_ms"]
    return [label, *(f"{found[name]:.1f} ms" for name in names)]


def write_rows(path, number, topics, rate, seconds):
    """Every so many of the records: those of one topic."""
    pad = "x" * (RECORD_BYTES - len('{"ts":1700000000000000,"pad":""}'))
    with open(path, "w") as file:
        for i in range(number, rate * seconds, topics):
            file.write(f'{{"ts":{FIRST_US + i * 1_000_000 // rate},"pad":"{pad}"}}\n')


def by_the_clock(broker, rate, seconds):
    names = [f"{stem()}-clock-{i}" for i in range(TOPICS)]
    with Topics(broker, 0) as topics, scratch() as directory:
        topics.names = names
        for number, name in enumerate(names):
            make(broker, name, 1, ["message.timestamp.type=LogAppendTime"])
            write_rows(Path(directory) / f"{name}.ndjson", number, TOPICS, rate, seconds)
        inputs = [Path(directory) / f"{name}.ndjson" for name in names]
        start_ms = int((time.time() + AHEAD_S) * 1000)
        run([setup.archiver(), "replay", *inputs, "-b", broker.address, "--start-at", start_ms, "--json"])
        return stamps(broker, start_ms, names)


def by_sleeps(broker, rate, seconds):
    name = f"{stem()}-sleeps"
    with Topics(broker, 0) as topics, scratch() as directory:
        topics.names = [name]
        make(broker, name, 1, ["message.timestamp.type=LogAppendTime"])
        file = Path(directory) / "rows.ndjson"
        write_rows(file, 0, 1, rate, seconds)
        run([setup.venv_python(), ROOT / "bench" / "sleeps.py", broker.address, name, file])
        return stamps(broker, first_stamp(broker, name), [name])


def first_stamp(broker, name):
    """It begins when it has found the broker: by its own first record."""
    script = (
        "import sys; from confluent_kafka import Consumer, TopicPartition; "
        "c = Consumer({'bootstrap.servers': sys.argv[1], 'group.id': 'first'}); "
        "c.assign([TopicPartition(sys.argv[2], 0, 0)]); print(c.poll(30).timestamp()[1])"
    )
    return int(run([setup.venv_python(), "-c", script, broker.address, name]).said.split()[-1])


def stamps(broker, start_ms, names):
    command = [setup.venv_python(), ROOT / "bench" / "stamps.py", broker.address, start_ms, 1, FIRST_US, *names]
    return json.loads(run(command).said.splitlines()[-1])
