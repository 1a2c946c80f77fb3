"""What single settings do to one hot archive."""

import programs
from onetopic import hot_topic
from report import MIB, Section, ratio, thousands
from rounds import find, side_by_side

# How the table names it, and the parts of the configuration: top, [clusters.bench.kafka], [defaults].
SETTINGS = {
    "defaults": ("the defaults", "", "", ""),
    "memory-32": ('`memory = "32MiB"`', '[limits]\nmemory = "32MiB"\n', "", ""),
    "memory-64": ('`memory = "64MiB"`', '[limits]\nmemory = "64MiB"\n', "", ""),
    "memory-1024": ('`memory = "1GiB"`', '[limits]\nmemory = "1GiB"\n', "", ""),
    "flush": ('`flush = "100ms"`', "", "", 'flush = "100ms"\n'),
    "checkpoint": ('`checkpoint = "1s"`', "", "", 'checkpoint = "1s"\n'),
    "newline": ('`newline = "escape"`', "", "", 'newline = "escape"\n'),
    "crcs": ('`"check.crcs" = "false"`', "", '"check.crcs" = "false"\n', ""),
    "uncommitted": ('`"isolation.level" = "read_uncommitted"`', "", '"isolation.level" = "read_uncommitted"\n', ""),
    "receive": ('`"socket.receive.buffer.bytes" = "4194304"`', "", '"socket.receive.buffer.bytes" = "4194304"\n', ""),
}


def section(broker, args):
    topic = hot_topic(broker, args)
    found = [find(lambda k=key: setting(k, broker.address, topic), key, SETTINGS[key][0]) for key in SETTINGS]
    made = Section("One setting at a time")
    made.add(side_by_side(broker, found, args.runs), "tuning.")
    made.table(
        ["", "records/s", "× the defaults", "CPU per record", "× the defaults", "peak memory"],
        [row(made.figures, r) for r in made.results],
    )
    made.say(f"The topic of {topic.records:,} records, raw. What moves by less than a tenth is the machine's noise.")
    return made


def setting(key, address, topic):
    label, top, kafka, defaults = SETTINGS[key]
    cluster = f"[clusters.bench.kafka]\n{kafka}"
    return programs.renamed(programs.archiver("raw", address, topic, cluster, top, defaults), key, label)


def row(figures, result):
    f = result.figures()
    if f is None:
        return [result.label, result.why_not, "", "", "", ""]
    key = f"tuning.{result.key}"
    return [
        result.label,
        thousands(f["records_per_s"]),
        ratio(figures, f"{key}.records_per_s", "tuning.defaults.records_per_s"),
        f"{f['cpu_ns_per_record']:,.0f} ns",
        ratio(figures, f"{key}.cpu_ns_per_record", "tuning.defaults.cpu_ns_per_record"),
        f"{f['peak_bytes'] / MIB:.0f} MiB",
    ]
