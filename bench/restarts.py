"""A thousand archives of topics that live: idle, active, stopped, killed, started again."""

import re
import signal
import statistics
import subprocess
import time
from pathlib import Path

import proc
import programs
import setup
import stamped
from live import Archiver, Topics, size
from report import MIB, Section
from rounds import scratch
from setup import WORK, Failed, Missing, say

ARCHIVES, ARCHIVES_QUICK = 1_000, 100
SETTLED_S, SETTLED_S_QUICK = 6, 1  # past the first checkpoint
IDLE_S, IDLE_S_QUICK = 30, 2  # all that is done from time to time, such as asking for the topics, is in it
SYNCS_S, SYNCS_S_QUICK = 10, 6
RATE_EACH = 10  # records a second into each, while they are active
SYNCS = "fsync,fdatasync,syncfs,sync_file_range,sync"


def section(broker, args):
    count = ARCHIVES_QUICK if args.quick else ARCHIVES
    settled_s, idle_s, syncs_s = (
        (SETTLED_S_QUICK, IDLE_S_QUICK, SYNCS_S_QUICK) if args.quick else (SETTLED_S, IDLE_S, SYNCS_S)
    )
    made = Section(f"{count:,} archives: idle, active, stopped and started again")
    runs = []
    strace = found_strace()
    with Topics(broker, count) as topics:
        for round_number in range(args.runs):
            runs.append(one_round(broker, topics, settled_s, idle_s, strace, syncs_s))
            say(f"{round_number + 1}/{args.runs} live: " + ", ".join(f"{k} {v:.3f}" for k, v in runs[-1].items()))
    made.runs = runs
    in_all = [name for name in ROWS if all(name in r for r in runs)]
    figures = {name: statistics.median(r[name] for r in runs) for name in in_all}
    made.figures = {f"live.{name}": value for name, value in figures.items()}
    made.table(["", "median", "worst"], [[text, say_it(figures[n]), say_it(max(r[n] for r in runs))]
                                         for n, (text, say_it) in ROWS.items() if n in figures])  # fmt: skip
    made.say(
        f"Onto the disk. Consuming: every file has a record that it did not have before. Active: {RATE_EACH} "
        f"records a second into each. Idle: over {idle_s} s, {settled_s} s after the last record. Syncs: calls of "
        f"{SYNCS.replace(',', ', ')}."
    )
    return made


def seconds(value):
    return f"{value:.2f} s"


ROWS = {
    "first_start_s": ("first start to everything consuming", seconds),
    "clean_start_s": ("the same, after a clean stop while active", seconds),
    "kill_start_s": ("the same, after kill -9 while active", seconds),
    "stop_s": ("clean stop while active", seconds),
    "idle_cpu_percent": ("idle: CPU of one core", lambda v: f"{v:.2f} %"),
    "idle_bytes": ("idle: memory", lambda v: f"{v / MIB:.0f} MiB"),
    "threads": ("threads", lambda v: f"{v:.0f}"),
    "active_cpu_percent": ("active: CPU of one core", lambda v: f"{v:.1f} %"),
    "syncs_per_s": ("active: syncs a second", lambda v: f"{v:.1f}"),
}


def one_round(broker, topics, settled_s, idle_s, strace, syncs_s, binary=None):
    figures = {}
    # Earlier rounds' records are there for the first start too.
    with scratch(WORK) as directory:
        files = [Path(directory) / f"{name}.ndjson" for name in topics.names]
        config = programs.write_config(Path(directory), broker.address, zip(topics.names, files, strict=True))
        topics.send(1)
        with Archiver(config, binary) as archiver:
            archiver.start()
            figures["first_start_s"] = archiver.until(files, topics.sent)

            time.sleep(settled_s)
            figures["idle_cpu_percent"] = cpu_percent(archiver.pid, idle_s)
            figures["idle_bytes"] = proc.resident_bytes(archiver.pid)

            figures["stop_s"] = end_while_active(topics, archiver, files, archiver.stop)
            figures["clean_start_s"] = start_again(topics, archiver, files)
            end_while_active(topics, archiver, files, archiver.kill)
            figures["kill_start_s"] = start_again(topics, archiver, files)

            before = topics.sent
            sender = topics.sending((syncs_s + 4) * RATE_EACH, RATE_EACH * len(files))
            archiver.until(files, before + 1)
            figures["active_cpu_percent"] = cpu_percent(archiver.pid, 2)
            if strace and (count := syncs(strace, archiver.pid, syncs_s)) is not None:
                figures["syncs_per_s"] = count / syncs_s
            _, figures["threads"] = proc.status(archiver.pid)
            sender.finish()
            archiver.until(files, topics.sent)
            archiver.stop()
        for file in files:
            if problem := stamped.wrong(file, topics.sent):
                raise Failed(problem)
    return figures


def end_while_active(topics, archiver, files, end):
    """Ends archiver in the middle of what is being sent."""
    before = topics.sent
    sender = topics.sending(4 * RATE_EACH, RATE_EACH * len(files))
    archiver.until(files, before + RATE_EACH)
    ended = end()
    sender.finish()
    return ended


def start_again(topics, archiver, files):
    """The seconds until each file has something that it didn't have before."""
    topics.send(1)
    before = {file: size(file) for file in files}
    archiver.start()
    consuming_s = archiver.until_grown(before)
    archiver.until(files, topics.sent)
    return consuming_s


def cpu_percent(pid, window_s):
    before, began = proc.cpu_seconds(pid), time.monotonic()
    time.sleep(window_s)
    return (proc.cpu_seconds(pid) - before) / (time.monotonic() - began) * 100


def found_strace():
    """Nothing where it can't be had."""
    try:
        return setup.command("strace")
    except Missing as e:
        say(e)
        return None


def syncs(strace, pid, window_s):
    """How often files were made durable, as strace counts it; nothing where it may not watch."""
    counted = subprocess.Popen(
        [strace, "-f", "-c", "-U", "calls,name", "-e", f"trace={SYNCS}", "-p", str(pid)],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=proc.die_with_parent,
    )
    time.sleep(window_s)
    counted.send_signal(signal.SIGINT)
    _, table = counted.communicate()
    if counted.returncode not in (0, -signal.SIGINT, 128 + signal.SIGINT):
        say(f"strace could not watch archiver: {setup.last_line(table)}")
        return None
    return sum(int(n) for n in re.findall(rf"^\s*(\d+)\s+(?:{SYNCS.replace(',', '|')})$", table, re.MULTILINE))
