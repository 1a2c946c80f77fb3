"""An earlier archiver beside this one, in one run: has anything become slower?"""

import statistics
from dataclasses import replace

import programs
import restarts
from live import Topics
from onetopic import hot_topic
from report import MB, Section, ratio, thousands
from rounds import check_room, side_by_side
from setup import Missing, archiver, say
from thousand import COUNT, COUNT_QUICK, LOAD, LOAD_QUICK

# What every earlier one has.
KEYS = ["raw", "gzip", "zstd"]
RESTARTS = ["first_start_s", "clean_start_s", "kill_start_s", "stop_s", "idle_cpu_percent", "idle_bytes"]


def section(broker, args):
    if not args.before:
        raise Missing("--before names no earlier program")
    binaries = {"before": args.before.resolve(), "now": archiver()}
    section = Section(f"Before and now ({args.before.name} against this one)")
    topic = hot_topic(broker, args)

    def pair(key, make):
        found = [replace(make(b), key=f"{key}-{name}", label=f"{key}, {name}") for name, b in binaries.items()]
        section.add(side_by_side(broker, found, args.runs))

    for key in KEYS:
        pair(key, lambda binary, key=key: programs.archiver(key, broker.address, topic, binary=binary))
    count, load = (COUNT_QUICK, LOAD_QUICK) if args.quick else (COUNT, LOAD)
    check_room(count * load.file_bytes)
    broker.make_topics(load, load.names(count))
    label = f"{count:,} archives"
    pair(label, lambda binary: programs.archives("load", label, broker.address, load, count, binary=binary))
    section.table(
        ["", "records/s before", "now", "×", "CPU ×", "peak memory before", "now"],
        [row(section.figures, key) for key in [*KEYS, label]],
    )
    restarted(section, broker, args, binaries)
    return section


def row(figures, key):
    before, now = (lambda name: f"{key}-before.{name}"), (lambda name: f"{key}-now.{name}")
    if before("records_per_s") not in figures or now("records_per_s") not in figures:
        return [key, "FAILED"] + [""] * 5
    return [
        key,
        thousands(figures[before("records_per_s")]),
        thousands(figures[now("records_per_s")]),
        ratio(figures, now("records_per_s"), before("records_per_s")),
        ratio(figures, now("cpu_ns_per_record"), before("cpu_ns_per_record")),
        f"{figures[before('peak_bytes')] / MB:.0f} MB",
        f"{figures[now('peak_bytes')] / MB:.0f} MB",
    ]


def restarted(section, broker, args, binaries):
    """The archives of topics that live, started, stopped and killed by each program in turn."""
    count = restarts.ARCHIVES_QUICK if args.quick else restarts.ARCHIVES
    settled_s, idle_s = (restarts.SETTLED_S_QUICK, restarts.IDLE_S_QUICK) if args.quick else (restarts.SETTLED_S, 10)
    runs = {name: [] for name in binaries}
    with Topics(broker, count) as topics:
        for round_number in range(args.runs):
            for name, binary in binaries.items():
                figures = restarts.one_round(broker, topics, settled_s, idle_s, None, 0, binary)
                runs[name].append(figures)
                say(f"{round_number + 1}/{args.runs} {name}: " + ", ".join(f"{k} {v:.3f}" for k, v in figures.items()))
    rows = []
    for figure in RESTARTS:
        text, say_it = restarts.ROWS[figure]
        before, now = (statistics.median(r[figure] for r in runs[name]) for name in binaries)
        rows.append([text, say_it(before), say_it(now), f"{now / before:.2f}" if before else ""])
        section.figures |= {f"restart-before.{figure}": before, f"restart-now.{figure}": now}
    section.runs = [{"program": name} | figures for name, made in runs.items() for figures in made]
    section.table([f"{count:,} archives", "before", "now", "×"], rows)
