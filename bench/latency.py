"""How old records are when they can be read: of one archive, and of many beside one that has a backlog."""

import re
import statistics
import time
from pathlib import Path

import onetopic
import programs
import stamped
from live import Archiver, Topics, size
from report import Section
from rounds import scratch
from setup import Failed, Missing, say

FLUSHES_S = {"1s": 1.0, "100ms": 0.1}
# (records a second, of which one in so many is looked at, seconds)
RATES = [(1, 1, 20), (1_000, 1, 10), (100_000, 20, 10)]
RATES_QUICK = [(5, 1, 2), (1_000, 1, 2), (20_000, 20, 2)]
LOOK_S = 0.002
OLDEST_S = 60  # a record that takes longer is missing

TRICKLING, TRICKLING_QUICK = 999, 50
TRICKLE_EACH = 2  # records a second
LOOK_AT_MANY_S = 0.02


def latency(broker, args):
    section = Section("Produced to readable")
    rows = []
    for flush in FLUSHES_S:
        for rate, every, window_s in RATES_QUICK if args.quick else RATES:
            runs = [summary(ages_of_one(broker, flush, rate, every, window_s)) for _ in range(args.runs)]
            section.runs += [{"flush": flush, "rate": rate} | run for run in runs]
            found = medians(runs)
            section.figures |= {f"latency-{flush}-{rate}.{name}": value for name, value in found.items()}
            rows.append([f'`flush = "{flush}"`', f"{rate:,}", *(f"{value * 1000:,.0f} ms" for value in found.values())])
            say(f"{flush}, {rate:,} records/s: " + ", ".join(f"{k} {v:.3f}" for k, v in found.items()))
        p99s = [value for name, value in section.figures.items() if re.match(rf"latency-{flush}-.*p99_s", name)]
        section.figures[f"latency-{flush}.p99_s"] = max(p99s)
    section.table(["", "records/s", "p50", "p99", "max"], rows)
    section.say(
        "One topic of one partition, one archive. From the moment a record is handed to the producer (`linger.ms = 1`) "
        f"until a reader who looks every {LOOK_S * 1000:.0f} ms has it from the file."
    )
    return section


def ages_of_one(broker, flush, rate, every, window_s):
    with Topics(broker, 1) as topics, scratch() as directory:
        file = Path(directory) / "live.ndjson"
        config = programs.write_config(
            Path(directory), broker.address, [(topics.names[0], file)], defaults=f'flush = "{flush}"\n'
        )
        with Archiver(config) as archiver:
            topics.send(1)
            archiver.start()
            archiver.until([file], 1)
            tail = stamped.Tail([file], every)
            tail.look()
            tail.ages_s.clear()  # the first record waited for the start
            sender = topics.sending(rate * window_s, rate)
            read_on(tail, topics.sent, window_s, LOOK_S)
            sender.finish()
            archiver.stop()
        tail.close()
        check([file], topics.sent)
    # The sender's first record waited for its connections.
    return [age for _, age in tail.ages_s[1:]]


def read_on(tail, lines, window_s, look_s):
    deadline = time.monotonic() + window_s + OLDEST_S
    while tail.lines < lines:
        tail.look()
        if time.monotonic() > deadline:
            raise Failed(f"{tail.lines:,} of {lines:,} records could be read")
        time.sleep(look_s)


def fairness(broker, args):
    """Many archives that trickle, beside one that drains a backlog."""
    count = TRICKLING_QUICK if args.quick else TRICKLING
    section = Section(f"One archive with a backlog beside {count:,} that trickle")
    topic = onetopic.hot_topic(broker, args)
    with Topics(broker, count) as topics:
        for round_number in range(args.runs):
            found, took_s = ages_of_many(broker, topic, topics)
            run = summary(found) | {"records": len(found), "drained_s": took_s}
            say(f"{round_number + 1}/{args.runs} fairness: " + ", ".join(f"{k} {v:.3f}" for k, v in run.items()))
            section.runs.append(run)
    middle = medians(section.runs)
    section.figures = {f"fairness.{name}": value for name, value in middle.items()}
    section.table(
        ["the backlog drained in", "trickling records meanwhile", "p50", "p99", "max"],
        [[f"{middle['drained_s']:.1f} s", f"{middle['records']:,.0f}",
          *(f"{middle[name] * 1000:,.0f} ms" for name in ("p50_s", "p99_s", "max_s"))]],
    )  # fmt: skip
    section.say(
        f"The backlog: {topic.records:,} records. Each of the others gets {TRICKLE_EACH} records a second; their age, "
        "from produced to readable, from the moment that all of them are consuming until the backlog is drained. "
        f"A reader looks every {LOOK_AT_MANY_S * 1000:.0f} ms."
    )
    return section


def ages_of_many(broker, topic, topics):
    broker.read_topics(topic, [topic.name])
    with scratch() as directory:
        directory = Path(directory)
        files = [directory / f"{name}.ndjson" for name in topics.names]
        hot = directory / "hot.ndjson"
        archives = [(topic.name, hot), *zip(topics.names, files, strict=True)]
        config = programs.write_config(directory, broker.address, archives)
        topics.send(1)
        # Enough for the slowest: what is sent after the backlog is drained isn't counted.
        seconds = max(5, topic.records // 1_000_000)
        sender = topics.sending(seconds * TRICKLE_EACH, TRICKLE_EACH * len(files))
        with Archiver(config) as archiver:
            tail = stamped.Tail(files)
            archiver.start()
            consuming = drained = None
            deadline = time.monotonic() + seconds + OLDEST_S
            while tail.lines < topics.sent * len(files) or drained is None:
                tail.look()
                now = time.time()
                if consuming is None and not tail.waiting:
                    consuming = now
                if drained is None and size(hot) >= topic.file_bytes:
                    drained, drained_s = now, time.monotonic() - archiver.started
                if time.monotonic() > deadline:
                    raise Failed(f"{tail.lines:,} of {topics.sent * len(files):,} trickling records could be read")
                time.sleep(LOOK_AT_MANY_S)
            sender.finish()
            archiver.stop()
        tail.close()
        check(files, topics.sent)
    ages = [age for produced, age in tail.ages_s if consuming <= produced <= drained]
    if not ages:
        raise Missing("the backlog was drained before anything trickled; try more --records")
    return ages, drained_s


def check(files, lines):
    for file in files:
        if problem := stamped.wrong(file, lines):
            raise Failed(problem)


def summary(ages):
    return {"p50_s": percentile(ages, 50), "p99_s": percentile(ages, 99), "max_s": max(ages)}


def medians(runs):
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
