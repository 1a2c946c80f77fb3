"""Runs one program, or a pipeline of several, and measures it from outside.

Nothing is asked of the program but that it writes files: their growth says when the first and the
last byte arrived, and /proc and wait4 say what that cost.
"""

import os
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import proc

POLL_S = 0.002
POLL_SHARE_MAX = 0.05  # looking at a thousand files takes long: look less often then
SAMPLE_S = 0.02
QUIET_S = 1.5  # longer than the flush of every program here
STALL_S = 30
SILENT_MAX_S = 300  # of a program that writes no files
STOP_TIMEOUT_S = 45


@dataclass
class Job:
    """One run of a program, ready to start."""

    commands: list[list[str]]  # more than one: a pipeline
    files: list[Path]  # a directory counts as one file: all that is in it, but for names that begin with a dot
    stdout: Path | None = None  # the last command's output; None where the program opens its files itself
    bytes_per_file: int | None = None  # None where compression leaves that open: then the end is silence
    only_values: bool = True  # else each line has more in it
    ends_itself: bool = False  # else it is stopped by SIGTERM when all is there
    exit_codes: tuple[int, ...] = (0,)
    # For what writes no files: its standard output → (records, seconds).
    figures: Callable[[str], tuple[int, float]] | None = None


@dataclass
class Measured:
    first_byte_s: float = 0.0  # from the start of the process
    last_byte_s: float = 0.0  # likewise
    most_bytes_s: float = 0.0  # until 99 % of the bytes; long before the last one: the rest waited for a flush
    cpu_s: float = 0.0  # user and system, all processes of the job, until the last byte
    peak_bytes: int = 0
    threads: int = 0  # while it works, which the last sample shows
    threads_most: int = 0  # the start's short-lived ones too
    file_bytes: int = 0
    index_bytes: int = 0
    records: int | None = None  # as the program itself says, where it writes no files
    broker_cpu_s: float = 0.0
    other_cores: float = 0.0  # what everything else on the machine used meanwhile, and what was stolen
    problem: str | None = None

    def records_per_s(self, records):
        """From the first to the last byte; of so few that they came at once, from the start."""
        return records / ((self.last_byte_s - self.first_byte_s) or self.last_byte_s)


def measure(job, log, broker):
    """Runs the job to its end; its standard error goes to the file `log`."""
    machine_before = sum(proc.machine_cpu_seconds())
    broker_before = broker.cpu_seconds()
    own_before = time.process_time()
    with Processes(job, log) as processes:
        growth = Growth(job)
        result = Measured()
        result.problem = watch(job, processes, growth)
        waited_s = time.monotonic() - processes.started
        result.broker_cpu_s = broker.cpu_seconds() - broker_before
        machine_s = sum(proc.machine_cpu_seconds()) - machine_before
        processes.sample()
        known_s = processes.cpu_s() + result.broker_cpu_s + time.process_time() - own_before
        result.other_cores = max(0.0, machine_s - known_s) / waited_s
        if result.problem or not job.ends_itself:
            processes.stop()
        result.problem = result.problem or processes.problem(log, job.exit_codes)
    if job.figures:
        take_its_word(job, waited_s, processes, result)
        return result
    result.first_byte_s = (growth.first or processes.started) - processes.started
    result.last_byte_s = (growth.last or processes.started) - processes.started
    result.most_bytes_s = (growth.reached(0.99) or processes.started) - processes.started
    result.file_bytes = growth.total
    # What ends by itself counts whole; what would go on waiting for ever counts until its last byte.
    result.cpu_s = processes.cpu_s() if job.ends_itself else growth.cpu_s
    result.peak_bytes = processes.peak_bytes()
    result.threads, result.threads_most = growth.threads, processes.threads_most
    return result


def take_its_word(job, waited_s, processes, result):
    result.cpu_s, result.peak_bytes = processes.cpu_s(), processes.peak_bytes()
    if result.problem:
        return
    try:
        result.records, seconds = job.figures(job.stdout.read_text())
    except (ValueError, IndexError):
        result.problem = f"{Path(job.commands[0][0]).name} did not print its figures as expected"
        return
    result.first_byte_s, result.last_byte_s = waited_s - seconds, waited_s


def watch(job, processes, growth):
    """Looks at the files until everything is there; returns what went wrong, if anything did."""
    while True:
        looked = time.monotonic()
        running = processes.running()
        growth.look(processes)
        now = time.monotonic()
        if not running:
            return None
        if not job.ends_itself and growth.complete(now):
            return None
        stall_s = STALL_S if job.files else SILENT_MAX_S
        if now - (growth.last or processes.started) > stall_s:
            return f"stood still for {stall_s} s at {growth.total:,} bytes"
        if now - processes.sampled >= SAMPLE_S:
            processes.sample()
        time.sleep(max(POLL_S, (time.monotonic() - looked) / POLL_SHARE_MAX))


class Segments:
    """The segments in a directory, which are renamed while they are looked at: known by their inodes."""

    def __init__(self, directory):
        self.directory = directory
        self.sizes = {}

    def size(self):
        self._look(self.directory)
        return sum(self.sizes.values())

    def _look(self, directory):
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    self._look(entry)
                    continue
                try:
                    self.sizes[entry.inode()] = entry.stat().st_size
                except FileNotFoundError:
                    pass  # renamed just now


@dataclass
class Growth:
    """When the files grew, and the CPU time spent when they last did."""

    job: Job
    total: int = 0
    steps: list[tuple[float, int]] = field(default_factory=list)  # (when, bytes then)
    cpu_s: float = 0.0
    threads: int = 0
    cpu_known_at: float = 0.0
    full_bytes: int = 0
    growing: list[Path] = field(default_factory=list)
    segments: dict[Path, Segments] = field(default_factory=dict)

    def __post_init__(self):
        self.growing = list(self.job.files)

    def look(self, processes):
        total = self.full_bytes
        growing = []
        for path in self.growing:
            size = self._size(path)
            total += size
            if self.job.bytes_per_file is not None and size >= self.job.bytes_per_file:
                self.full_bytes += size  # never looked at again
            else:
                growing.append(path)
        self.growing = growing
        now = time.monotonic()
        if total != self.total:
            self.total = total
            self.steps.append((now, total))
        # Reading the CPU time at every look would itself cost: soon after the last growth is enough.
        behind = self.last is not None and self.last > self.cpu_known_at
        if behind and (not self.growing or now - self.cpu_known_at >= SAMPLE_S):
            processes.sample()
            self.cpu_s, self.threads = processes.cpu_s(), processes.threads
            self.cpu_known_at = now

    def _size(self, path):
        try:
            found = os.stat(path)
        except FileNotFoundError:
            return 0
        if not stat.S_ISDIR(found.st_mode):
            return found.st_size
        return self.segments.setdefault(path, Segments(path)).size()

    @property
    def first(self):
        return self.steps[0][0] if self.steps else None

    @property
    def last(self):
        return self.steps[-1][0] if self.steps else None

    def reached(self, share):
        return next((when for when, total in self.steps if total >= share * self.total), None)

    def complete(self, now):
        if self.job.bytes_per_file is not None:
            return not self.growing
        return self.last is not None and now - self.last > QUIET_S


class Processes:
    """The processes of a job; leaving the block ends and reaps whatever is left of them.

    Only `_reap` waits for them, as it alone asks what they used; Popen's own methods, also its
    kill and send_signal, would wait first and throw that away.
    """

    def __init__(self, job, log):
        self.all = []
        self.usage = {}  # pid: (CPU seconds, peak bytes)
        self.threads = self.threads_most = 0
        self.sampled = 0.0
        self.started = time.monotonic()
        with open(log, "wb") as stderr:
            try:
                self._start(job, stderr)
            except BaseException:
                self.__exit__()
                raise

    def _start(self, job, stderr):
        stdin = subprocess.DEVNULL
        for i, command in enumerate(job.commands):
            if i + 1 < len(job.commands):
                stdout = subprocess.PIPE
            else:
                stdout = open(job.stdout, "wb") if job.stdout else subprocess.DEVNULL
            process = subprocess.Popen(
                command, stdin=stdin, stdout=stdout, stderr=stderr, preexec_fn=proc.die_with_parent
            )
            self.all.append(process)
            # The driver must not keep a pipe's end open, or its reader never sees the end.
            for ours in (stdin, stdout):
                if hasattr(ours, "close"):
                    ours.close()
            stdin = process.stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.all:
            if process.returncode is None:
                os.kill(process.pid, signal.SIGKILL)
                self._reap(process, block=True)

    def running(self):
        for process in self.all:
            if process.returncode is None:
                self._reap(process, block=False)
        return any(process.returncode is None for process in self.all)

    def sample(self):
        self.sampled = time.monotonic()
        threads = 0
        for process in self.all:
            if process.returncode is None:
                peak, alive = proc.status(process.pid)
                threads += alive
                self._note(process.pid, proc.cpu_seconds(process.pid), peak)
        self.threads, self.threads_most = threads, max(self.threads_most, threads)

    def cpu_s(self):
        return sum(cpu for cpu, _ in self.usage.values())

    def peak_bytes(self):
        return sum(peak for _, peak in self.usage.values())

    def stop(self):
        for process in self.all:
            if process.returncode is None:
                os.kill(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while self.running() and time.monotonic() < deadline:
            time.sleep(POLL_S)

    def problem(self, log, exit_codes):
        for process in self.all:
            name = Path(process.args[0]).name
            if process.returncode is None:
                return f"{name} did not stop within {STOP_TIMEOUT_S} s of SIGTERM"
            if process.returncode not in exit_codes:
                said = log.read_text(errors="replace").strip().splitlines()
                return f"{name} ended with {process.returncode}: {said[-1] if said else 'it said nothing'}"
        return None

    def _reap(self, process, block):
        pid, status, usage = os.wait4(process.pid, 0 if block else os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            # Not ru_maxrss: it starts with what the driver itself had when it forked.
            self._note(pid, usage.ru_utime + usage.ru_stime, 0)

    def _note(self, pid, cpu_s, peak_bytes):
        _, peak_before = self.usage.get(pid, (0.0, 0))
        self.usage[pid] = (cpu_s, max(peak_before, peak_bytes))
