"""What single settings do to one hot archive, and to a thousand."""

import programs
from onetopic import hot_topic
from report import MIB, Section, ratio, thousands
from rounds import find, side_by_side
from thousand import COUNT, COUNT_QUICK, LOAD, LOAD_QUICK

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
# Those of them that divide something among archives.
SETTINGS_OF_MANY = ["defaults", "memory-32", "memory-64", "memory-1024"]


def section(broker, args):
    made = Section("One setting at a time")
    topic = hot_topic(broker, args)
    found = [find(lambda k=key: setting(k, broker.address, topic), key, SETTINGS[key][0]) for key in SETTINGS]
    add(made, "one", side_by_side(broker, found, args.runs))
    made.say(f"The topic of {topic.records:,} records, raw. The same settings were seen a fifth apart.")
    count, topic = (COUNT_QUICK, LOAD_QUICK) if args.quick else (COUNT, LOAD)
    broker.make_topics(topic, topic.names(count))
    found = [setting_of_many(key, broker.address, topic, count) for key in SETTINGS_OF_MANY]
    add(made, "many", side_by_side(broker, found, args.runs))
    made.say(f"{count:,} archives of topics with {topic.records:,} records of {topic.record_bytes} B each, raw.")
    return made


def add(made, of, results):
    prefix = f"tuning.{of}."
    made.add(results, prefix)
    made.table(
        ["", "records/s", "× the defaults", "CPU per record", "× the defaults", "peak memory"],
        [row(made.figures, r, prefix) for r in results],
    )


def setting(key, address, topic):
    label, top, kafka, defaults = SETTINGS[key]
    cluster = f"[clusters.bench.kafka]\n{kafka}"
    return programs.renamed(programs.archiver("raw", address, topic, cluster, top, defaults), key, label)


def setting_of_many(key, address, topic, count):
    label, top, _, _ = SETTINGS[key]
    return programs.archives(key, label, address, topic, count, top=top)


def row(figures, result, prefix):
    f = result.figures()
    if f is None:
        return [result.label, result.why_not, "", "", "", ""]
    key, defaults = f"{prefix}{result.key}", f"{prefix}defaults"
    return [
        result.label,
        thousands(f["records_per_s"]),
        ratio(figures, f"{key}.records_per_s", f"{defaults}.records_per_s"),
        f"{f['cpu_ns_per_record']:,.0f} ns",
        ratio(figures, f"{key}.cpu_ns_per_record", f"{defaults}.cpu_ns_per_record"),
        f"{f['peak_bytes'] / MIB:.0f} MiB",
    ]
