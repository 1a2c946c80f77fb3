#!/usr/bin/env python3
"""`make memory`: does `[limits] memory` hold? Backlogs of many shapes, onto a disk that takes 5 MB/s.

The peak is the whole process's, as the kernel counts it. Exit 1 if one is beyond the limit and what the program
itself may take.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import proc
import programs
import setup
from broker import Broker
from setup import ROOT, WORK, Missing, say

MIB = 1 << 20
LIMIT_MIB = 128
OWN_MIB = 40  # the program itself, beside what the limit counts
DISK_BYTES_PER_S = 5_000_000
SAMPLE_S = 0.05
STOP_TIMEOUT_S = 60
MOUNT_TIMEOUT_S = 10


@dataclass(frozen=True)
class Case:
    archives: int
    partitions: int
    record_bytes: int
    backlog_bytes: int
    codec: str = "none"
    seconds: int = 30

    @property
    def topic(self):
        records = self.backlog_bytes // self.archives // self.record_bytes
        return programs.Topic(max(1, records), self.record_bytes, self.partitions, self.codec)

    @property
    def label(self):
        size = f"{self.record_bytes} B" if self.record_bytes < 1_000_000 else f"{self.record_bytes // 1_000_000} MB"
        codec = "" if self.codec == "none" else f", {self.codec}"
        partitions = "" if self.partitions == 1 else f" of {self.partitions} partitions"
        return f"{self.archives:,} archive{'s' * (self.archives > 1)}{partitions}, records of {size}{codec}"


CASES = {
    "long": Case(100, 1, 200, 4_000_000_000, seconds=300),
    "1-small": Case(1, 6, 200, 2_280_000_000),
    "1-large": Case(1, 6, 1_000_000, 1_000_000_000),
    "100-large": Case(100, 1, 1_000_000, 4_000_000_000),
    "100-zstd": Case(100, 1, 200, 4_000_000_000, "zstd"),
    "100-partitions": Case(100, 100, 200, 4_000_000_000),
    "1000-small": Case(1_000, 1, 200, 4_000_000_000),
    "1000-large": Case(1_000, 1, 1_000_000, 4_000_000_000),
    "huge": Case(1, 2, 20_000_000, 1_000_000_000),
}


@dataclass
class Run:
    peak_bytes: int
    late_bytes: list[int]  # resident, sampled through the second half
    written_bytes: int
    stop_s: float
    warnings: list[str]


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
    except Missing as e:
        say(e)
        return 2


def table(args):
    (WORK / "logs").mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0 or not Path("/dev/fuse").exists():
        raise Missing("skipped: mounting a slow disk needs root and /dev/fuse")
    setup.library("libfuse3.so.3", "libfuse3-3")
    setup.venv_python()
    lines = [
        f"| backlog, limit {args.limit} MiB, disk of {DISK_BYTES_PER_S // 1_000_000} MB/s | peak resident | "
        "lowest–highest in the second half | written | stop |",
        "|---|---|---|---|---|",
    ]
    beyond = False
    with Broker(setup.kafka_libs()) as broker:
        for key in args.only.split(","):
            case = CASES[key]
            names = [f"{case.topic.name}-{i:04}" for i in range(case.archives)]
            broker.make_topics(case.topic, names)
            run = measure(broker, case, names, args.limit, args.seconds or case.seconds)
            peak, late = run.peak_bytes / MIB, [b / MIB for b in run.late_bytes]
            beyond |= peak > args.limit + OWN_MIB
            lines.append(
                f"| {case.label} | {peak:.0f} MiB | {min(late):.0f}–{max(late):.0f} MiB "
                f"| {run.written_bytes / 1e6:,.0f} MB | {run.stop_s:.1f} s |"
            )
            say(f"{lines[-1]} median {statistics.median(late):.0f}")
            for warning in run.warnings[:5]:
                say(f"  {warning}")
    text = "\n".join(lines) + "\n"
    print(text)
    if args.markdown:
        args.markdown.write_text(text)
    return 1 if beyond else 0


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
        self.process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, preexec_fn=proc.die_with_parent)
        deadline = time.monotonic() + MOUNT_TIMEOUT_S
        while not self.mounted.is_mount():
            if time.monotonic() > deadline:
                raise Missing("the slow disk could not be mounted; its log is in target/bench/logs")
            time.sleep(0.05)
        return self.mounted

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", str(self.mounted)], check=False)
        self.process.terminate()
        self.process.wait()


def measure(broker, case, names, limit_mib, seconds):
    with tempfile.TemporaryDirectory(dir=WORK) as directory, SlowDisk(Path(directory)) as slow:
        files = [slow / f"{name}.ndjson" for name in names]
        more = f'[limits]\nmemory = "{limit_mib}MiB"\n'
        config = programs.write_config(Path(directory), broker.address, zip(names, files, strict=True), more)
        log = WORK / "logs" / "memory.log"
        with open(log, "wb") as stderr:
            command = [str(setup.archiver()), "-c", str(config)]
            process = subprocess.Popen(command, stdout=stderr, stderr=stderr, preexec_fn=proc.die_with_parent)
        try:
            late, began = [], time.monotonic()
            while (passed := time.monotonic() - began) < seconds:
                if process.poll() is not None:
                    break
                resident = proc.resident_bytes(process.pid)
                if passed > seconds / 2:
                    late.append(resident)
                time.sleep(SAMPLE_S)
            peak, _ = proc.status(process.pid) if process.poll() is None else (0, 0)
            written = sum(f.stat().st_size for f in (slow.parent / "real").glob("*.ndjson"))
            process.send_signal(signal.SIGTERM)
            stopping = time.monotonic()
            process.wait(STOP_TIMEOUT_S)
            stop_s = time.monotonic() - stopping
        finally:
            process.kill()
            process.wait()
        said = log.read_text(errors="replace").splitlines()
    return Run(peak, late or [0], written, stop_s, [line for line in said if " INFO " not in line])


if __name__ == "__main__":
    sys.exit(main())
