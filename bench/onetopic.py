"""One hot topic: every program on it, topics of other shapes, and how connections add up."""

import peers
import programs
from programs import Topic
from report import MB, Section, ratio, thousands
from rounds import check_room, find, side_by_side

RECORD_BYTES = 190
PARTITIONS = 6
# The slow programs get a topic of their own, or most of the time would be theirs.
SLOW_RECORDS_MAX = 2_000_000
SLOW = ["kcat-gzip", "kcat-zstd", "rsyslog", "connect", "loop"]
KEYS = [*programs.ARCHIVERS, "kcat", "perf", *SLOW]


def hot(broker, args):
    topic = Topic(args.records, RECORD_BYTES, PARTITIONS)
    slow_topic = Topic(min(args.records, SLOW_RECORDS_MAX), RECORD_BYTES, PARTITIONS)
    check_room(topic.file_bytes)
    broker.make_topics(topic, [topic.name])
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
