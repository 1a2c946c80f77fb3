"""What the page and the metrics cost: 1,000 archives that are scraped, a hot topic, and requests that mean harm."""

import http.client
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import latency
import onetopic
import proc
import programs
import restarts
import setup
import stamped
from live import Archiver, Topics
from report import MIB, Section, ratio, thousands
from rounds import scratch, side_by_side
from setup import ROOT, Failed, say

SCRAPES, SCRAPES_QUICK = 30, 3
SCRAPE_EVERY_S = 15  # as Prometheus is told by default in most places
HOSTILE, HOSTILE_QUICK = 10_000, 500
HOSTILE_RATE, HOSTILE_RATE_QUICK = 100_000, 20_000  # records a second
HOSTILE_S, HOSTILE_S_QUICK = 20, 3
LOOK_AT_EVERY = 20  # records
WARM_S = 3  # of records alone, before the memory is looked at


def section(broker, args):
    made = Section("The page and the metrics")
    rows = [*thousand(broker, args, made), *hot(broker, args, made), *harmed(broker, args, made)]
    made.table(["", "", ""], rows)
    made.say(
        "Scrapes: `/metrics` one after the other, over one connection. The hot topic: with `/metrics` asked for each "
        "second and the page every two, by a client on the same cores, against no `[http]`. Harm: heads that don't "
        "end, answers that nobody reads, half-closed connections, huge heads and bodies, garbage, TLS, other names of "
        f"hosts, paths that climb; {HOSTILE_RATE:,} records/s meanwhile, their age as under “Produced to readable”."
    )
    return made


def ask(connection, path):
    """(seconds, bytes) of one answer."""
    began = time.monotonic()
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise Failed(f"{path} is answered with {answer.status}")
    return time.monotonic() - began, len(body)


def thousand(broker, args, made):
    """How long a scrape of many archives takes, and what of a core."""
    count, scrapes = (restarts.ARCHIVES_QUICK, SCRAPES_QUICK) if args.quick else (restarts.ARCHIVES, SCRAPES)
    with Topics(broker, count) as topics, scratch() as directory:
        directory = Path(directory)
        topics.send(1)
        address, top = listener()
        files = [directory / f"{name}.ndjson" for name in topics.names]
        config = programs.write_config(directory, broker.address, zip(topics.names, files, strict=True), top)
        with Archiver(config) as archiver:
            archiver.start()
            archiver.until(files, topics.sent)
            time.sleep(restarts.SETTLED_S_QUICK if args.quick else restarts.SETTLED_S)
            found = scraped(archiver.pid, address, scrapes)
            archiver.stop()
    made.runs.append(found)
    made.figures |= {f"service.{name}": value for name, value in found.items()}
    say("thousand: " + ", ".join(f"{name} {value:.4f}" for name, value in found.items()))
    return [
        [f"{count:,} archives, a scrape of {found['bytes'] / 1e6:.1f} MB", f"{found['scrape_s'] * 1000:.1f} ms",
         f"longest {found['scrape_most_s'] * 1000:.1f} ms"],
        [f"CPU of one core for a scrape every {SCRAPE_EVERY_S} s", f"{found['scrape_cpu_percent']:.2f} %", ""],
    ]  # fmt: skip


def scraped(pid, address, scrapes):
    connection = http.client.HTTPConnection(address, timeout=10)
    ask(connection, "/metrics")
    began, before = time.monotonic(), proc.cpu_seconds(pid)
    # Spread, as answers may be kept for a moment.
    found = []
    for _ in range(scrapes):
        found.append(ask(connection, "/metrics"))
        time.sleep(1)
    with_scrapes_s = proc.cpu_seconds(pid) - before
    passed_s = time.monotonic() - began
    before = proc.cpu_seconds(pid)
    time.sleep(passed_s)
    without_s = proc.cpu_seconds(pid) - before
    times = [seconds for seconds, _ in found]
    return {
        "scrape_s": statistics.median(times),
        "scrape_most_s": max(times),
        "bytes": found[-1][1],
        "scrape_cpu_percent": max(0.0, with_scrapes_s - without_s) / scrapes / SCRAPE_EVERY_S * 100,
    }


def hot(broker, args, made):
    """Throughput with somebody who looks, against nobody."""
    topic = onetopic.hot_topic(broker, args)
    address, top = listener()
    found = [
        programs.renamed(programs.archiver("raw", broker.address, topic), "service.unseen", "no `[http]`"),
        programs.renamed(programs.archiver("raw", broker.address, topic, top=top), "service.seen", "page and scrapes"),
    ]
    ended = threading.Event()
    asked = [0]
    looking = threading.Thread(target=look, args=(address, ended, asked))
    looking.start()
    try:
        made.add(side_by_side(broker, found, args.runs))
    finally:
        ended.set()
        looking.join()
    if not asked[0] and not args.quick:
        raise Failed("nobody looked while the hot topic was archived")
    return [
        [f"the hot topic with page and scrapes ({asked[0]} answers), records/s against without",
         ratio(made.figures, "service.seen.records_per_s", "service.unseen.records_per_s"), "×"],
    ]  # fmt: skip


def look(address, ended, asked):
    """The metrics each second and the page every two, wherever somebody answers."""
    turn = 0
    while not ended.wait(1):
        turn += 1
        connection = http.client.HTTPConnection(address, timeout=5)
        try:
            for path in ["/metrics", "/"][: 1 + turn % 2]:
                ask(connection, path)
                asked[0] += 1
        except OSError:
            pass  # the program that has no [http] is running, or none
        connection.close()


def harmed(broker, args, made):
    """Requests that mean harm, while records come at a rate."""
    count, rate, seconds = (
        (HOSTILE_QUICK, HOSTILE_RATE_QUICK, HOSTILE_S_QUICK) if args.quick else (HOSTILE, HOSTILE_RATE, HOSTILE_S)
    )
    runs = [attacked(broker, count, rate, seconds) for _ in range(args.runs)]
    made.runs += runs
    found = latency.medians(runs)
    made.figures |= {f"service.harm.{name}": value for name, value in found.items()}
    say("harm: " + ", ".join(f"{name} {value:.3f}" for name, value in found.items()))
    return [
        [f"{count:,} requests that mean harm in {found['took_s']:.0f} s, {thousands(found['records_per_s'])} records/s: "
         "age of records, p99",
         f"{found['p99_s']:.2f} s", f"longest {found['max_s']:.2f} s"],
        ["memory before and the most after", f"{found['before_bytes'] / MIB:.0f} MiB",
         f"{found['most_bytes'] / MIB:.0f} MiB"],
    ]  # fmt: skip


def attacked(broker, count, rate, seconds):
    with Topics(broker, 1) as topics, scratch() as directory:
        directory = Path(directory)
        file = directory / "live.ndjson"
        address, top = listener()
        config = programs.write_config(directory, broker.address, [(topics.names[0], file)], top)
        with Archiver(config) as archiver:
            topics.send(1)
            archiver.start()
            archiver.until([file], 1)
            tail = stamped.Tail([file], LOOK_AT_EVERY)
            tail.look()
            tail.ages_s.clear()  # the first record waited for the start
            sender = topics.sending(rate * (seconds + WARM_S), rate)
            read_for(tail, WARM_S)
            before = proc.resident_bytes(archiver.pid)
            command = [sys.executable, ROOT / "bench" / "hostile.py", address, count, seconds]
            harm = subprocess.Popen(
                list(map(str, command)), stdout=subprocess.PIPE, text=True, preexec_fn=proc.die_with_parent
            )
            most = before
            while harm.poll() is None:
                read_for(tail, 0.1)
                most = max(most, proc.resident_bytes(archiver.pid))
            if harm.returncode != 0:
                raise Failed("a request that means harm was answered with 200")
            took_s = float(harm.stdout.read().split()[1])
            latency.read_on(tail, topics.sent, seconds, latency.LOOK_S)
            sender.finish()
            archiver.stop()
        tail.close()
        latency.check([file], topics.sent)
    ages = latency.summary([age for _, age in tail.ages_s[1:]])
    sent_s = tail.ages_s[-1][0] - tail.ages_s[0][0]
    return ages | {"records_per_s": topics.sent / sent_s} | {"took_s": took_s, "before_bytes": before, "most_bytes": most}


def read_for(tail, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        tail.look()
        time.sleep(latency.LOOK_S)


def listener():
    """An address, and the configuration that listens there."""
    (port,) = setup.free_ports(1)
    address = f"127.0.0.1:{port}"
    return address, f'[http]\nlisten = "{address}"\n'
