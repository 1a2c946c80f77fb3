"""Many archives in one process, draining what waits for them."""

from pathlib import Path

import programs
from broker import Broker
from onetopic import shape_topic
from programs import Topic
from report import MIB, Section, thousands
from rounds import TMPFS, check_room, find, scratch, side_by_side
from setup import WORK

COUNT, COUNT_QUICK = 1_000, 100
MILLION = 1_000_000
# Enough for several checkpoints at the default of 5 s.
LOAD = Topic(20_000, 100, 1)
LOAD_QUICK = Topic(1_000, 100, 1)
MANY_RECORDS = 100


def drained(broker, args):
    """A million records in many topics; and as many archives as were asked for."""
    count = COUNT_QUICK if args.quick else COUNT
    section = Section("Many archives, one process: a backlog drained")
    section.add(drain(broker, args, [million(count)]))
    for wanted in [many_partitions(args.quick), *map(many_topics, args.many)]:
        # Of its own, as no broker of one machine has files and memory maps for all of them together.
        with scratch() as directory, Broker(broker.libs, Path(directory)) as another:
            section.add(drain(another, args, [wanted]))
    archives_table(section)
    section.say(
        "Records/s: from the start of the process to the last byte. Threads: at the end; in brackets the most that "
        "were seen, with those that live only during the start."
    )
    return section


def million(count):
    topic = Topic(MILLION // COUNT, 190, 1)
    return ("thousand", label(count, topic), topic, count, "")


def many_partitions(quick):
    side = 10 if quick else 100
    topic = Topic(side * 100, 190, side)
    return ("many-partitions", label(side, topic), topic, side, "")


def many_topics(many):
    topic = Topic(MANY_RECORDS, 190, 1)
    return (f"many-{many}", label(many, topic), topic, many, "")


def loaded(broker, args):
    """Throughput: against one archive, and with checkpoints against none."""
    count, topic = (COUNT_QUICK, LOAD_QUICK) if args.quick else (COUNT, LOAD)
    check_room(count * topic.file_bytes)
    section = Section("Many archives, one process: throughput")
    one = shape_topic("100b", args.quick)
    broker.make_topics(one, [one.name])
    wanted = [
        ("one", f"1 archive of {one.partitions} partitions, {one.records:,} records", one, None, ""),
        ("load", label(count, topic), topic, count, ""),
    ]
    section.add(drain(broker, args, wanted))
    wanted = [
        ("checkpoint-5s", 'the same onto the disk, `checkpoint = "5s"`', topic, count, ""),
        ("checkpoint-1h", 'the same onto the disk, `checkpoint = "1h"`', topic, count, 'checkpoint = "1h"\n'),
    ]
    section.add(drain(broker, args, wanted, WORK))
    archives_table(section, from_start=False)
    section.say(f"Records of {topic.record_bytes} B. Records/s: from the first to the last byte.")
    return section


def drain(broker, args, wanted, where=TMPFS):
    found = []
    for key, text, topic, archives, defaults in wanted:
        broker.make_topics(topic, topic.names(archives) if archives else [topic.name])
        make = programs.archives if archives else one_archive
        found.append(find(lambda m=make, a=(key, text, broker.address, topic, archives, defaults): m(*a), key, text))
    return side_by_side(broker, found, args.runs, where)


def one_archive(key, text, address, topic, _archives, _defaults):
    return programs.renamed(programs.archiver("raw", address, topic), key, text)


def label(archives, topic):
    of = "" if topic.partitions == 1 else f" of {topic.partitions} partitions"
    return f"{archives:,} archives{of}, {topic.records:,} records each"


def archives_table(section, from_start=True):
    rows = []
    for r in section.results:
        f = r.figures()
        if f is None:
            rows.append([r.label, r.why_not] + [""] * 5)
            continue
        rate = r.records / f["last_byte_s"] if from_start else f["records_per_s"]
        rows.append(
            [
                r.label,
                f"{f['last_byte_s']:.2f} s",
                f"{f['first_byte_s']:.2f} s",
                thousands(rate),
                f"{f['cpu_ns_per_record']:,.0f} ns",
                f"{f['threads']:.0f} ({f['threads_most']:.0f})",
                f"{f['peak_bytes'] / MIB:.0f} MiB",
            ]
        )
    section.table(
        ["", "start to last byte", "start to first byte", "records/s", "CPU per record", "threads (most)",
         "peak memory"],
        rows,
    )  # fmt: skip
