"""What settings do to topics with few records, or none: the size of compressed files, the CPU of waiting."""

import contextlib
import statistics
import time
from pathlib import Path

import programs
import restarts
import setup
import verify
from live import Archiver, Topics
from report import Section, ratio
from rounds import scratch
from setup import Failed, say

FLUSHES = ["1m", "10s", "1s", "100ms"]
ENDINGS = {"gzip": ".gz", "zstd": ".zst"}
RATES = [10, 1_000]  # records a second
# The last flush of "1m" comes soon after it.
WINDOW_S, WINDOW_S_QUICK = 115, 4
FLUSHED_S = 90
LOOK_S = 0.2

# [clusters.bench.kafka], and how the table names it.
IDLE = {
    "defaults": ("the defaults", ""),
    "wait": ("`fetch.wait.max.ms` 5,000, not 500", '"fetch.wait.max.ms" = "5000"\n'),
    "refresh": (
        "`topic.metadata.refresh.interval.ms` 300,000, not 30,000",
        '"topic.metadata.refresh.interval.ms" = "300000"\n',
    ),
}


def section(broker, args):
    made = Section("Quiet topics")
    flushes(broker, args, made)
    idle(broker, args, made)
    return made


def flushes(broker, args, made):
    window_s, longest_first = (WINDOW_S_QUICK, FLUSHES[1:]) if args.quick else (WINDOW_S, FLUSHES)
    setup.command("zstd")  # the check unpacks with it
    rows = []
    for rate in RATES:
        found = sizes(broker, rate, window_s, longest_first)
        made.figures |= {f"quiet.{rate}-{flush}.{codec}": size for (flush, codec), size in found.items()}
        say(f"{rate:,} records/s: " + ", ".join(f"{f} {codec} {size:.1f}" for (f, codec), size in found.items()))
        for flush in longest_first:
            row = [f"{rate:,}", f'`flush = "{flush}"`']
            for codec in ENDINGS:
                size = found[flush, codec]
                row += [f"{size:.1f}", f"{size / found[longest_first[0], codec]:.2f}"]
            rows.append(row)
    made.table(["records/s", "", "gzip, bytes per record", "×", "zstd, bytes per record", "×"], rows)
    made.say(
        f"Topics of one partition, records like the hot topic's, for {window_s} s; ×: against "
        f'`flush = "{longest_first[0]}"`. One run, as a size depends on no machine.'
    )


def sizes(broker, rate, window_s, flushes):
    """The bytes that a record takes in the file, of each flush and codec: all at the same time."""
    with contextlib.ExitStack() as stack:
        topics = stack.enter_context(Topics(broker, len(flushes) * len(ENDINGS)))
        names, files, archivers = iter(topics.names), {}, []
        for flush in flushes:
            directory = Path(stack.enter_context(scratch()))
            mine = {(flush, codec): directory / f"{flush}.ndjson{ending}" for codec, ending in ENDINGS.items()}
            files |= mine
            archives = [(next(names), file) for file in mine.values()]
            config = programs.write_config(directory, broker.address, archives, defaults=f'flush = "{flush}"\n')
            archivers.append(stack.enter_context(Archiver(config)))
            archivers[-1].start()
        topics.sending(rate * window_s, rate * len(topics.names), what="metrics").finish()
        deadline = time.monotonic() + FLUSHED_S
        while missing := [key for key, file in files.items() if lines(file) < topics.sent]:
            if time.monotonic() > deadline or any(a.process.poll() is not None for a in archivers):
                late = files[missing[0]]
                raise Failed(f"{late.name}: {lines(late):,} of {topics.sent:,} records could be read")
            time.sleep(LOOK_S)
        for archiver in archivers:
            archiver.stop()
        for file in files.values():
            if (found := lines(file)) != topics.sent:
                raise Failed(f"{file.name}: {found:,} lines, expected {topics.sent:,}")
        return {key: file.stat().st_size / topics.sent for key, file in files.items()}


def lines(file):
    return verify.count(file)[0] if file.exists() else 0


def idle(broker, args, made):
    count = restarts.ARCHIVES_QUICK if args.quick else restarts.ARCHIVES
    percents = {key: [] for key in IDLE}
    with Topics(broker, count) as topics:
        topics.send(1)
        for round_number in range(args.runs):
            for key, (_, kafka) in IDLE.items():
                percents[key].append(idle_cpu_percent(broker, topics, args, kafka))
                say(f"{round_number + 1}/{args.runs} idle, {key}: {percents[key][-1]:.2f} %")
    medians = {key: statistics.median(found) for key, found in percents.items()}
    made.runs += [{"idle": key, "cpu_percent": found} for key, found in percents.items()]
    made.figures |= {f"quiet.idle-{key}.cpu_percent": percent for key, percent in medians.items()}
    made.table(
        [f"{count:,} idle archives", "CPU of one core", "× the defaults"],
        [
            [
                text,
                f"{medians[key]:.2f} %",
                ratio(made.figures, f"quiet.idle-{key}.cpu_percent", "quiet.idle-defaults.cpu_percent"),
            ]
            for key, (text, _) in IDLE.items()
        ],
    )
    made.say(f"Over {idle_s(args)} s.")


def idle_cpu_percent(broker, topics, args, kafka=""):
    """Of one process with an archive for each topic, after the last checkpoint that has anything new."""
    with scratch() as directory:
        directory = Path(directory)
        files = [directory / f"{name}.ndjson" for name in topics.names]
        cluster = f'[clusters.bench]\nbroker = "{broker.address}"\n[clusters.bench.kafka]\n{kafka}'
        config = programs.write_config(directory, "bench", zip(topics.names, files, strict=True), cluster)
        with Archiver(config) as archiver:
            archiver.start()
            archiver.until(files, topics.sent)
            time.sleep(restarts.SETTLED_S_QUICK if args.quick else restarts.SETTLED_S)
            percent = restarts.cpu_percent(archiver.pid, idle_s(args))
            archiver.stop()
    return percent


def idle_s(args):
    return restarts.IDLE_S_QUICK if args.quick else restarts.IDLE_S
