"""Programs run side by side: in turn, round after round, each run checked."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import proc
import verify
from measure import Measured, measure
from programs import Skipped
from report import MB, Result, thousands
from setup import WORK, Failed, Missing, say

TMPFS = Path("/dev/shm")
SCRATCH = "archiver-bench-"
# The broker's heap, its page cache and the output, with room for the programs.
OTHER_MEMORY_BYTES = 3_000_000_000


def sweep():
    """Removes what a driver that was killed has left."""
    for old in [*TMPFS.glob(f"{SCRATCH}*"), *WORK.glob(f"{SCRATCH}*")]:
        pid = old.name.removeprefix(SCRATCH).partition("-")[0]
        if not Path(f"/proc/{pid}").exists():
            for mounted in filter(Path.is_mount, old.glob("*")):
                subprocess.run(["umount", "-l", str(mounted)], check=False)
            shutil.rmtree(old, ignore_errors=True)


def check_room(output_bytes):
    """Room on the tmpfs, which is memory."""
    if shutil.disk_usage(TMPFS).free < output_bytes:
        raise Missing(f"{TMPFS} has no room for {output_bytes / 1e9:.1f} GB; try fewer --records")
    if proc.memory_bytes("MemAvailable") < 2 * output_bytes + OTHER_MEMORY_BYTES:
        say("little memory for so many records: the broker may have to read from disk; try fewer --records")


def scratch(where=TMPFS):
    """A directory that is removed again; one left by a driver that was killed is found by its name."""
    return tempfile.TemporaryDirectory(prefix=f"{SCRATCH}{os.getpid()}-", dir=where)


def side_by_side(broker, found, runs, where=TMPFS):
    """The results of programs that were found, or Skipped, in their order."""
    results = [
        Result(p.key, p.label, skipped=p.reason)
        if isinstance(p, Skipped)
        else Result(p.key, p.label, p.records, runs=[])
        for p in found
    ]
    there = [(p, r) for p, r in zip(found, results, strict=True) if not isinstance(p, Skipped)]
    if there and runs > 1:
        warm_up(broker, there[0][0], where)
    for round_number in range(runs):
        # Whoever runs first finds another machine than who runs last: take turns.
        turn = round_number % max(1, len(there))
        for program, result in there[turn:] + there[:turn]:
            measured = once(broker, program, where)
            result.runs.append(measured)
            say_how(f"{round_number + 1}/{runs} {program.key}", program.records, measured)
    return results


def warm_up(broker, program, where=TMPFS):
    """A run that nobody counts: the page cache and the broker's compiler are warm after it."""
    say("warming up")
    if problem := once(broker, program, where).problem:
        raise Failed(f"warming up with {program.label}: {problem}")


def once(broker, program, where=TMPFS) -> Measured:
    """One run into a fresh directory, checked and removed."""
    broker.read_topics(program.topic, program.topics)
    with scratch(where) as directory:
        job = program.job(Path(directory))
        measured = measure(job, WORK / "logs" / f"{program.key}.log", broker)
        if measured.problem is None:
            measured.problem = verify.problem(measured, job, program.topic)
            measured.index_bytes = verify.index_bytes(Path(directory))
    if where != TMPFS:
        os.sync()  # or the writing back of this run disturbs the next one
    return measured


def find(make, key, label):
    """A program, or Skipped where it can't be had."""
    try:
        return make()
    except Missing as e:
        return Skipped(key, label, str(e))


def say_how(what, records, measured):
    if measured.problem:
        say(f"{what}: FAILED: {measured.problem}")
        return
    rate = measured.records_per_s(records)
    say(
        f"{what}: {thousands(rate)} records/s, {measured.cpu_s / records * 1e9:,.0f} ns, "
        f"{measured.peak_bytes / MB:.0f} MB, first byte {measured.first_byte_s:.2f} s, "
        f"99 % {measured.most_bytes_s:.2f} s, last {measured.last_byte_s:.2f} s; "
        f"broker {measured.broker_cpu_s / records * 1e9:,.0f} ns, others {measured.other_cores:.2f} cores"
    )
