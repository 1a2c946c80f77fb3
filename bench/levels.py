"""What a harder compression costs and saves: the hot topic at several levels."""

import re

import programs
from onetopic import PARTITIONS, RECORD_BYTES
from programs import Topic
from report import Section, ratio, thousands
from rounds import check_room, find, side_by_side
from setup import ROOT

RECORDS_MAX = 3_000_000  # the highest levels take their time
LEVELS = {"gzip": [1, 2, 4, 6], "zstd": [1, 2, 3, 6]}
COMPARED = ["records_per_s", "cpu_ns_per_record", "file_bytes_per_record"]


def section(broker, args):
    topic = Topic(min(args.records, RECORDS_MAX), RECORD_BYTES, PARTITIONS)
    check_room(topic.file_bytes)
    broker.make_topics(topic, [topic.name])
    defaults = default_levels()
    found = [program(broker.address, topic, codec, n, defaults) for codec, levels in LEVELS.items() for n in levels]
    made = Section("Compression levels")
    made.add(side_by_side(broker, found, args.runs))
    made.table(
        ["compression", "records/s", "× default", "CPU per record", "× default", "bytes per record in the file",
         "× default"],
        [table_row(made.figures, r, defaults) for r in made.results],
    )  # fmt: skip
    made.say(
        f"{topic.records:,} records like the hot topic's. × default: against the default level of the same "
        "compression. What `gzip -1` and `zstd -1` make of such records is in the first table."
    )
    return made


def default_levels():
    source = (ROOT / "src" / "config" / "compression.rs").read_text()
    return {codec.lower(): int(n) for codec, n in re.findall(r"const (\w+)_LEVEL_DEFAULT: \w+ = (\d+);", source)}


def program(address, topic, codec, level, defaults):
    key = f"{codec}-{level}"
    label = f"{codec}, level {level}{', the default' if level == defaults[codec] else ''}"

    def make():
        made = programs.archiver(codec, address, topic, defaults=f"compression_level = {level}\n")
        return programs.renamed(made, key, label)

    return find(make, key, label)


def table_row(figures, result, defaults):
    f = result.figures()
    if f is None:
        return [result.label, result.why_not] + [""] * 5
    codec = result.key.partition("-")[0]
    said = [
        thousands(f["records_per_s"]),
        f"{f['cpu_ns_per_record']:,.0f} ns",
        f"{f['file_bytes_per_record']:.1f}",
    ]
    against = [ratio(figures, f"{result.key}.{name}", f"{codec}-{defaults[codec]}.{name}") for name in COMPARED]
    return [result.label, *(cell for pair in zip(said, against, strict=True) for cell in pair)]
