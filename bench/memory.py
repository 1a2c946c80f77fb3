#!/usr/bin/env python3
"""`make memory`: does `[limits] memory` hold? Backlogs of many shapes, onto a disk that takes 5 MB/s.

The peak is the whole process's, as the kernel counts it. Exit 1 if one is beyond the limit and what the program
itself may take, or archiver ended.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import proc
import programs
import setup
from broker import Broker
from live import Topics
from rounds import scratch, sweep
from setup import ROOT, WORK, Failed, Missing, say

MIB = 1 << 20
GB = 1_000_000_000
LIMIT_MIB = 128
OWN_MIB = 40  # the program itself, beside what the limit counts
DISK_BYTES_PER_S = 5_000_000
SAMPLE_S = 0.05
STOP_TIMEOUT_S = 60
WRITTEN_LEAST = 10_000_000
TRICKLE_EACH = 2  # records a second
MOUNT_TIMEOUT_S = 10
# What is more is dropped after its turn: all together take 80 GB, and a broker minutes to start.
KEPT_BYTES_MAX = 4 * GB
KEPT_PARTITIONS_MAX = 1_000
SIZES = {200: "200 B", 1_000_000: "1 MB", 20_000_000: "20 MB"}


@dataclass(frozen=True)
class Case:
    archives: int
    partitions: int
    record_bytes: int
    backlog_bytes: int
    codec: str = "none"
    seconds: int = 20
    trickling: int = 0  # archives beside these, of topics to which a few records a second are sent

    @property
    def topic(self):
        records = self.backlog_bytes // self.archives // self.record_bytes
        return programs.Topic(max(1, records), self.record_bytes, self.partitions, self.codec)

    @property
    def is_dropped(self):
        return self.backlog_bytes > KEPT_BYTES_MAX or self.archives * self.partitions > KEPT_PARTITIONS_MAX

    @property
    def label(self):
        codec = "" if self.codec == "none" else f", {self.codec}"
        partitions = "" if self.partitions == 1 else f" of {self.partitions} partitions"
        archives = f"{self.archives:,} archive{'s' * (self.archives > 1)}{partitions}"
        beside = f", beside {self.trickling} that trickle" if self.trickling else ""
        long = f", {self.seconds} s" if self.seconds != Case.seconds else ""
        return f"{self.backlog_bytes // GB} GB, {archives}, records of {SIZES[self.record_bytes]}{codec}{beside}{long}"


CASES = {
    f"{gb}gb-{archives}-{SIZES[record_bytes].replace(' ', '').lower()}": Case(
        archives, 6 if archives == 1 else 1, record_bytes, gb * GB
    )
    for gb in (1, 10)
    for archives in (1, 100, 1_000)
    for record_bytes in (200, 1_000_000)
} | {
    "huge": Case(1, 2, 20_000_000, GB),
    "zstd": Case(100, 1, 200, 4 * GB, "zstd"),
    "partitions": Case(100, 100, 200, 4 * GB),
    "trickle": Case(900, 1, 200, 10 * GB, seconds=60, trickling=100),
    "long": Case(100, 1, 200, 4 * GB, seconds=300),
}


@dataclass
class Run:
    ended_badly: str | None
    peak_bytes: int
    late_bytes: list[int]  # resident, sampled through the second half
    written_bytes: int
    stop_s: float
    warnings: list[str]

    def problem(self, limit_mib):
        if self.ended_badly:
            return self.ended_badly
        if self.peak_bytes > (limit_mib + OWN_MIB) * MIB:
            return "too much"
        # A little more than nothing: how much a slow disk takes of small pieces is not the question here.
        return "hardly anything written" if self.written_bytes < WRITTEN_LEAST else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(CASES), help=f"only these of {','.join(CASES)}")
    parser.add_argument("--limit", type=int, default=LIMIT_MIB, metavar="MIB", help="the limit")
    parser.add_argument("--seconds", type=int, help="of each case, instead of its own")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table to a file too")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return table(args)
    except (Failed, Missing) as e:
        say(e)
        return 2


def table(args):
    (WORK / "logs").mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0 or not Path("/dev/fuse").exists():
        raise Missing("skipped: mounting a slow disk needs root and /dev/fuse")
    setup.library("libfuse3.so.3", "libfuse3-3")
    setup.venv_python()
    sweep()
    lines = [
        f"| backlog, limit {args.limit} MiB, disk of {DISK_BYTES_PER_S // 1_000_000} MB/s | peak resident | "
        "lowest–highest in the second half | written | stop |",
        "|---|---|---|---|---|",
    ]
    failed = False
    with Broker(setup.kafka_libs()) as broker:
        for key in args.only.split(","):
            case = CASES[key]
            names = case.topic.names(case.archives)
            try:
                broker.make_topics(case.topic, names)
                with Topics(broker, case.trickling) as trickling:
                    run = measure(broker, names, trickling, args.limit, args.seconds or case.seconds)
            finally:
                if case.is_dropped:
                    broker.drop_topics(names)
            peak, late = run.peak_bytes / MIB, [b / MIB for b in run.late_bytes]
            problem = run.problem(args.limit)
            failed |= problem is not None
            said = f"{peak:.0f} MiB" if problem is None else f"**{peak:.0f} MiB, {problem}**"
            lines.append(
                f"| {case.label} | {said} | {min(late):.0f}–{max(late):.0f} MiB "
                f"| {run.written_bytes / 1e6:,.0f} MB | {run.stop_s:.1f} s |"
            )
            say(f"{lines[-1]} median {statistics.median(late):.0f}")
            for warning in run.warnings[:5]:
                say(f"  {warning}")
    text = "\n".join(lines) + "\n"
    print(text)
    if args.markdown:
        args.markdown.write_text(text)
    return 1 if failed else 0


class SlowDisk:
    """`with SlowDisk(directory) as path:` — what is written below `path` is written slowly."""

    def __init__(self, directory):
        self.real, self.mounted = directory / "real", directory / "slow"

    def __enter__(self):
        self.real.mkdir()
        self.mounted.mkdir()
        script = ROOT / "bench" / "slowdisk.py"
        command = [setup.venv_python(), script, self.real, self.mounted, DISK_BYTES_PER_S]
        log = open(WORK / "logs" / "slowdisk.log", "wb")
        command = list(map(str, command))
        self.process = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=proc.die_with_parent)
        try:
            self._wait_until_mounted()
        except BaseException:
            self.__exit__()
            raise
        return self.mounted

    def _wait_until_mounted(self):
        deadline = time.monotonic() + MOUNT_TIMEOUT_S
        while not self.mounted.is_mount():
            if time.monotonic() > deadline:
                raise Missing("the slow disk could not be mounted; its log is in target/bench/logs")
            time.sleep(0.05)

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", str(self.mounted)], check=False)
        self.process.terminate()
        self.process.wait()


def measure(broker, names, trickling, limit_mib, seconds):
    with scratch(WORK) as directory, SlowDisk(Path(directory)) as slow:
        names = [*names, *trickling.names]
        files = [slow / f"{name}.ndjson" for name in names]
        more = f'[limits]\nmemory = "{limit_mib}MiB"\n'
        config = programs.write_config(Path(directory), broker.address, zip(names, files, strict=True), more)
        log = WORK / "logs" / "memory.log"
        with open(log, "wb") as stderr:
            command = [str(setup.archiver()), "-c", str(config)]
            process = subprocess.Popen(command, stdout=stderr, stderr=stderr, preexec_fn=proc.die_with_parent)
        try:
            if trickling.names:
                sender = trickling.sending(seconds * TRICKLE_EACH, TRICKLE_EACH * len(trickling.names))
            late, began = [], time.monotonic()
            while (passed := time.monotonic() - began) < seconds:
                if process.poll() is not None:
                    break
                resident = proc.resident_bytes(process.pid)
                if passed > seconds / 2:
                    late.append(resident)
                time.sleep(SAMPLE_S)
            written = sum(f.stat().st_size for f in (slow.parent / "real").glob("*.ndjson"))
            early, peak, stopping = process.poll(), 0, time.monotonic()
            if early is None:
                peak = proc.status(process.pid)[0]
                process.send_signal(signal.SIGTERM)
                while process.poll() is None and time.monotonic() < stopping + STOP_TIMEOUT_S:
                    peak = max(peak, proc.status(process.pid)[0])
                    time.sleep(SAMPLE_S)
            stop_s = time.monotonic() - stopping
            if trickling.names:
                sender.finish()
            badly = ended_badly(early, process.poll())
        finally:
            process.kill()
            process.wait()
        said = log.read_text(errors="replace").splitlines()
    return Run(badly, peak, late or [0], written, stop_s, [line for line in said if " INFO " not in line])


def ended_badly(early, at_last):
    if early is not None:
        return f"ended with {early} before it was asked to"
    return "did not stop" if at_last is None else f"ended with {at_last}" if at_last else None


if __name__ == "__main__":
    sys.exit(main())
