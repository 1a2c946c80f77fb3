"""What segments cost: rotation, manifest and index; paths with many open segments; a thousand archives of them."""

import statistics
import time
from dataclasses import replace
from pathlib import Path

import proc
import programs
import restarts
import setup
from live import Archiver, Topics
from onetopic import RECORD_BYTES, hot_topic
from programs import Skipped, Topic
from report import MIB, Section, ratio, thousands
from rounds import check_room, find, scratch, side_by_side
from setup import WORK, say
from thousand import COUNT, COUNT_QUICK, LOAD, LOAD_QUICK, archives_table, label

KEYS = ["raw", "zstd"]
NO_EARLIER = "no earlier program was given (--before)"
# Some tens of segments of the hot topic, whatever the compression.
ROTATE = {"raw": "64MiB", "zstd": "12MiB"}
ROTATE_QUICK = {"raw": "4MiB", "zstd": "1MiB"}
NUMBERED = "{seq:06}"

PATHS_RECORDS_MAX = 6_000_000
OPEN = 200
OPEN_FILES = f"open_files = {OPEN + 1}\n"
PATHS = {
    "partition": ("{partition}/{seq:06}", "`{partition}`", Topic(0, RECORD_BYTES, OPEN)),
    "time": ("{time:%Y-%m-%d-%H}/{seq:06}", "`{time:%Y-%m-%d-%H}`", Topic(0, RECORD_BYTES, 6, times="hours")),
}

# Four segments of each archive.
ROTATE_LOAD, ROTATE_LOAD_QUICK = "512KiB", "32KiB"
# Every kind of rotation is watched for, and none comes while it is measured.
ROTATE_IDLE = '{ size = "1GiB", every = "1d", idle = "1h" }'


def rotation(broker, args):
    """The same records without segments, by an earlier program and by this one, and with them."""
    topic = hot_topic(broker, args)
    section, rotate = Section("Segments: rotation, manifest and index"), rotate_each(args)
    rows = []
    for codec in KEYS:
        found = [variant(broker.address, topic, codec, name, args) for name in VARIANTS]
        section.add(side_by_side(broker, found, args.runs))
        rows += [rotation_row(section.figures, r) for r in section.results[-len(found) :]]
    section.table(
        ["", "records/s", "× before", "CPU per record", "× before", "× no index", "index, bytes per record"], rows
    )
    if not args.before:
        section.say(
            "**What segments cost against the program before them is not measured: no earlier program was given "
            "(`--before FILE`).**"
        )
    section.say(
        f"The topic of {topic.records:,} records. Before: the earlier program, which has one file and neither manifest "
        f"nor index. Rotation: a new segment each {rotate['raw']} (raw) and {rotate['zstd']} (zstd) on the disk. The index "
        "is beside those bytes in the file."
    )
    return section


# How the table names it, [defaults], the paths of the segments.
VARIANTS = {
    "before": ("before", "", None),
    "no-index": ("`index = false`, no rotation", "index = false\n", None),
    "index": ("manifest and index, no rotation", "", None),
    "rotated": ("manifest, index and rotation", "rotate = {{ size = \"{size}\" }}\n", NUMBERED),
}  # fmt: skip


def rotate_each(args):
    return ROTATE_QUICK if args.quick else ROTATE


def variant(address, topic, codec, name, args):
    text, defaults, segments = VARIANTS[name]
    key, text = f"segments.{codec}-{name}", f"{codec}: {text}"
    if name == "before" and not args.before:
        return Skipped(key, text, NO_EARLIER)
    binary = args.before.resolve() if name == "before" else None
    defaults = defaults.format(size=rotate_each(args)[codec])

    def make():
        made = programs.archiver(codec, address, topic, defaults=defaults, binary=binary, segments=segments)
        return programs.renamed(made, key, text)

    return find(make, key, text)


def rotation_row(figures, result):
    f = result.figures()
    if f is None:
        return [result.label, result.why_not] + [""] * 5
    codec = result.key.rpartition(".")[2].partition("-")[0]
    before, no_index = f"segments.{codec}-before", f"segments.{codec}-no-index"
    return [
        result.label,
        thousands(f["records_per_s"]),
        ratio(figures, f"{result.key}.records_per_s", f"{before}.records_per_s"),
        f"{f['cpu_ns_per_record']:,.0f} ns",
        ratio(figures, f"{result.key}.cpu_ns_per_record", f"{before}.cpu_ns_per_record"),
        ratio(figures, f"{result.key}.cpu_ns_per_record", f"{no_index}.cpu_ns_per_record"),
        f"{f['index_bytes_per_record']:.2f}" if f["index_bytes_per_record"] else "",
    ]


def paths(broker, args):
    """An archive that keeps many segments open, against the same with one file."""
    section = Section(f"Paths: {OPEN} open segments in one archive")
    rows = []
    for kind, (segments, text, topic) in PATHS.items():
        topic = replace(topic, records=min(args.records, PATHS_RECORDS_MAX))
        check_room(topic.file_bytes)
        broker.make_topics(topic, [topic.name])
        for codec in KEYS:
            key = f"paths.{kind}-{codec}"
            found = [
                path(broker.address, topic, codec, f"{key}-one", f"{codec}: one file, the topic for {text}", None),
                path(broker.address, topic, codec, f"{key}-many", f"{codec}: {text}", segments),
            ]
            results = side_by_side(broker, found, args.runs)
            section.add(results)
            rows += [path_row(section.figures, r, f"{key}-one") for r in results]
    section.table(
        ["", "records/s", "× one file", "CPU per record", "× one file", "bytes per record in the files",
         "peak memory"],
        rows,
    )  # fmt: skip
    section.say(
        f"{min(args.records, PATHS_RECORDS_MAX):,} records of {RECORD_BYTES} B. `{{partition}}`: a topic of {OPEN} "
        f"partitions. `{{time}}`: a topic of 6 partitions whose records are of {OPEN} hours in turn, so that each goes "
        "into another segment than the one before."
    )
    return section


def path(address, topic, codec, key, text, segments):
    def make():
        defaults = OPEN_FILES if segments else ""
        made = programs.archiver(codec, address, topic, defaults=defaults, segments=segments)
        return programs.renamed(made, key, text)

    return find(make, key, text)


def path_row(figures, result, one):
    f = result.figures()
    if f is None:
        return [result.label, result.why_not] + [""] * 5
    return [
        result.label,
        thousands(f["records_per_s"]),
        ratio(figures, f"{result.key}.records_per_s", f"{one}.records_per_s"),
        f"{f['cpu_ns_per_record']:,.0f} ns",
        ratio(figures, f"{result.key}.cpu_ns_per_record", f"{one}.cpu_ns_per_record"),
        f"{f['file_bytes_per_record']:.1f}",
        f"{f['peak_bytes'] / MIB:.0f} MiB",
    ]


def thousand(broker, args):
    """Many archives with segments, beside the same with a file each: under load, and idle."""
    count, topic = (COUNT_QUICK, LOAD_QUICK) if args.quick else (COUNT, LOAD)
    rotate = ROTATE_LOAD_QUICK if args.quick else ROTATE_LOAD
    check_room(count * topic.file_bytes)
    broker.make_topics(topic, topic.names(count))
    section = Section("Many archives, one process: segments")
    text = label(count, topic)
    found = [
        programs.archives("segments.load-files", f"{text}, a file each", broker.address, topic, count),
        programs.archives(
            "segments.load",
            f"the same, a new segment each {rotate}",
            broker.address,
            topic,
            count,
            f'rotate = {{ size = "{rotate}" }}\n',
            segments=NUMBERED,
        ),
    ]
    section.add(side_by_side(broker, found, args.runs))
    archives_table(section, from_start=False)
    section.say(f"Records of {topic.record_bytes} B. Records/s: from the first to the last byte.")
    idle(broker, args, section)
    return section


# How the table names it, [defaults], the growing file of an archive, as it is configured and as it is called.
IDLE = {
    "files": ("a file each", "", "", ""),
    "segments": ("`rotate` by size, time and idleness", f"rotate = {ROTATE_IDLE}\n", "-{seq:06}", "-000000"),
}


def idle(broker, args, section):
    count = restarts.ARCHIVES_QUICK if args.quick else restarts.ARCHIVES
    runs = {name: [] for name in IDLE}
    with Topics(broker, count) as topics:
        topics.send(1)
        for round_number in range(args.runs):
            for name in IDLE:
                runs[name].append(idle_once(broker, topics, name, args))
                say(f"{round_number + 1}/{args.runs} idle, {name}: {runs[name][-1]}")
    section.runs = [{"program": name} | figures for name, made in runs.items() for figures in made]
    rows = []
    for name, (text, *_) in IDLE.items():
        f = {figure: statistics.median(r[figure] for r in runs[name]) for figure in runs[name][0]}
        section.figures |= {f"segments.idle-{name}.{figure}": value for figure, value in f.items()}
        rows.append([text, f"{f['cpu_percent']:.2f} %", f"{f['bytes'] / MIB:.0f} MiB", f"{f['threads']:.0f}"])
    section.table([f"{count:,} idle archives", "CPU of one core", "memory", "threads"], rows)
    section.say("Onto the disk, after one record each, which is in a growing segment.")


def idle_once(broker, topics, name, args):
    settled_s, idle_s = (
        (restarts.SETTLED_S_QUICK, restarts.IDLE_S_QUICK) if args.quick else (restarts.SETTLED_S, restarts.IDLE_S)
    )
    _, defaults, numbered, growing = IDLE[name]
    with scratch(WORK) as directory:
        directory = Path(directory)
        paths = [directory / f"{topic}{numbered}.ndjson" for topic in topics.names]
        config = programs.write_config(
            directory, broker.address, zip(topics.names, paths, strict=True), defaults=defaults
        )
        ending = ".ndjson.part" if growing else ".ndjson"
        files = [directory / f"{topic}{growing}{ending}" for topic in topics.names]
        with Archiver(config, setup.archiver()) as archiver:
            archiver.start()
            archiver.until(files, topics.sent)
            time.sleep(settled_s)
            figures = {
                "cpu_percent": restarts.cpu_percent(archiver.pid, idle_s),
                "bytes": proc.resident_bytes(archiver.pid),
                "threads": proc.status(archiver.pid)[1],
            }
            archiver.stop()
    return figures
