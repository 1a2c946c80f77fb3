"""One hot topic: every program on it, topics of other shapes, and how connections and cores add up."""

import os

import peers
import programs
import setup
from programs import Topic
from report import MB, Section, ratio, thousands
from rounds import TMPFS, check_room, find, side_by_side
from setup import WORK

RECORD_BYTES = 190
PARTITIONS = 6
# The slow programs get a topic of their own, or most of the time would be theirs.
SLOW_RECORDS_MAX = 2_000_000
SLOW = ["kcat-gzip", "kcat-zstd", "kcat-json", "rsyslog", "loop"]
# What a topic of another shape holds, whatever the size of its records.
SHAPE_BYTES = 760_000_000
SHAPE_BYTES_QUICK = 40_000_000
SHAPES = {
    "gzip": "batches as gzip on the broker",
    "lz4": "batches as lz4 on the broker",
    "zstd": "batches as zstd on the broker",
    "1p": "1 partition",
    "100b": "records of 100 B",
    "1kb": "records of 1 KB",
    "10kb": "records of 10 KB",
    "disk": "to the disk",
}
SHAPE_KEYS = ["raw", "kcat", "perf"]
CONNECTIONS = [1, 2, 4, None]
CORES = ["1", "all"]
KEYS = [*programs.ARCHIVERS, "kcat", "perf", "connect", *SLOW]


def hot_topic(broker, args):
    topic = Topic(args.records, RECORD_BYTES, PARTITIONS)
    check_room(topic.file_bytes)
    broker.make_topics(topic, [topic.name])
    return topic


def hot(broker, args):
    topic = hot_topic(broker, args)
    slow_topic = Topic(min(args.records, SLOW_RECORDS_MAX), RECORD_BYTES, PARTITIONS)
    if set(args.only) & set(SLOW):
        broker.make_topics(slow_topic, [slow_topic.name])
    found = [program(key, broker.address, slow_topic if key in SLOW else topic) for key in KEYS if key in args.only]
    section = Section(
        f"One topic of {PARTITIONS} partitions, {topic.records:,} JSON records of {RECORD_BYTES} bytes"
    )
    section.add(side_by_side(broker, found, args.runs))
    section.table(
        ["program", "records/s", "lowest–highest", "× kcat", "CPU per record", "× kcat", "peak memory", "first byte",
         "bytes per record in the file"],
        [program_row(section.figures, r, topic) for r in section.results],
    )  # fmt: skip
    section.say(
        "Records per second: from the first to the last byte in the file. CPU: user and system, of all the program's "
        "processes, a JVM's start included. First byte: from the start of the process. ConsumerPerformance's "
        "records/s are its own figure, without the time it took to join its group."
    )
    return section


def program(key, address, topic):
    if key in programs.ARCHIVERS:
        return find(lambda: programs.archiver(key, address, topic), key, programs.ARCHIVERS[key][0])
    return find(lambda: peers.program(key, address, topic), key, peers.LABELS[key])


def program_row(figures, result, topic):
    f = result.figures()
    if f is None:
        return [result.label, result.why_not] + [""] * 7
    writes = f["file_bytes_per_record"] > 0
    return [
        result.label if result.records == topic.records else f"{result.label}, {result.records:,} records",
        thousands(f["records_per_s"]),
        f"{thousands(f['records_per_s_lowest'])}–{thousands(f['records_per_s_highest'])}",
        ratio(figures, f"{result.key}.records_per_s", "kcat.records_per_s"),
        f"{f['cpu_ns_per_record']:,.0f} ns",
        ratio(figures, f"{result.key}.cpu_ns_per_record", "kcat.cpu_ns_per_record"),
        f"{f['peak_bytes'] / MB:.0f} MB",
        f"{f['first_byte_s']:.2f} s" if writes else "",
        f"{f['file_bytes_per_record']:.1f}" if writes else "",
    ]


def shapes(broker, args):
    section = Section("Other shapes")
    rows = []
    for key in args.shape:
        topic = hot_topic(broker, args) if key == "disk" else shape_topic(key, args.quick)
        broker.make_topics(topic, [topic.name])
        # What writes nothing is no faster on a disk.
        found = [program(p, broker.address, topic) for p in SHAPE_KEYS if (key, p) != ("disk", "perf")]
        results = side_by_side(broker, found, args.runs, where=WORK if key == "disk" else TMPFS)
        section.add(results, f"{key}.")
        rows.append(shape_row(section.figures, key, topic, results))
    section.table(
        ["shape", "records", "archiver, raw", "kcat", "ConsumerPerformance", "× kcat", "× ConsumerPerformance",
         "CPU × kcat"],
        rows,
    )  # fmt: skip
    section.say(
        f"Records/s; but for what the row says, {PARTITIONS} partitions, records of {RECORD_BYTES} B, batches as they "
        "are, onto a tmpfs."
    )
    return section


def shape_topic(key, quick):
    record_bytes = {"100b": 100, "1kb": 1_000, "10kb": 10_000}.get(key, RECORD_BYTES)
    records = (SHAPE_BYTES_QUICK if quick else SHAPE_BYTES) // record_bytes
    codec = key if key in ("gzip", "lz4", "zstd") else "none"
    return Topic(records, record_bytes, 1 if key == "1p" else PARTITIONS, codec)


def shape_row(figures, key, topic, results):
    rates = {r.key: thousands(r.figures()["records_per_s"]) if r.figures() else r.why_not for r in results}
    raw = f"{key}.raw"
    return [
        SHAPES[key],
        f"{topic.records:,}",
        *(rates.get(p, "") for p in SHAPE_KEYS),
        ratio(figures, f"{raw}.records_per_s", f"{key}.kcat.records_per_s"),
        ratio(figures, f"{raw}.records_per_s", f"{key}.perf.records_per_s"),
        ratio(figures, f"{raw}.cpu_ns_per_record", f"{key}.kcat.cpu_ns_per_record"),
    ]


def connections(broker, args):
    topic = hot_topic(broker, args)
    found = [connected(broker.address, topic, cores, count) for cores in CORES for count in CONNECTIONS]
    section = Section("Connections to a cluster, and cores")
    section.add(side_by_side(broker, found, args.runs))
    section.table(
        ["cores", "`connections`", "records/s", "× 1 connection", "CPU per record", "× 1 connection", "peak memory"],
        [connections_row(section.figures, r) for r in section.results],
    )
    section.say(
        f"The topic of {topic.records:,} records, raw. One core: taskset binds archiver to it, the broker has all."
    )
    return section


def connected(address, topic, cores, count):
    key = f"cores-{cores}-connections-{count or 'default'}"
    label = f"archiver with connections: {count or 'by default'}, cores: {cores}"

    def make():
        cluster = f"connections = {count}\n" if count else ""
        program = programs.archiver("raw", address, topic, cluster)
        if cores == "1":
            last = max(os.sched_getaffinity(0))
            program = programs.started_by([setup.command("taskset", "util-linux"), "-c", str(last)], program)
        return programs.renamed(program, key, label)

    return find(make, key, label)


def connections_row(figures, result):
    _, cores, _, connections = result.key.split("-")
    f = result.figures()
    if f is None:
        return [cores, connections, result.why_not, "", "", "", ""]
    one = f"cores-{cores}-connections-1"
    return [
        cores,
        connections,
        thousands(f["records_per_s"]),
        ratio(figures, f"{result.key}.records_per_s", f"{one}.records_per_s"),
        f"{f['cpu_ns_per_record']:,.0f} ns",
        ratio(figures, f"{result.key}.cpu_ns_per_record", f"{one}.cpu_ns_per_record"),
        f"{f['peak_bytes'] / MB:.0f} MB",
    ]
