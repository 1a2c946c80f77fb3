"""Where archiver's CPU time goes on the hot topic: perf looks at it 999 times a second."""

import os
import re
import statistics
from dataclasses import replace

import programs
import setup
import symbols
from onetopic import hot_topic
from report import Section
from rounds import once, warm_up
from setup import WORK, Failed, Missing, say

SAMPLES = WORK / "perf.data"
# This kernel event needs no counters of the hardware, which virtual machines often lack.
RECORD = ["record", "-q", "-e", "cpu-clock", "-F", "999", "-g", "-o", str(SAMPLES)]
KERNEL_FROM = 1 << 63  # the upper half of the addresses
# In this order: memory that a write or a receive touches first is memory's.
KERNEL = {
    "the kernel: page faults and memory": r"page_fault|_sys_(mmap|munmap|madvise|mprotect|brk)",
    "the kernel: writing the file": r"_file_write_iter",
    "the kernel: receiving": r"recvmsg|recvfrom",
    "the kernel: the rest": r"",
}
LIBRARIES = {
    "rdkafka": "librdkafka",
    "openssl": "librdkafka's libraries: OpenSSL, zlib, zstd",
    "libz": "librdkafka's libraries: OpenSSL, zlib, zstd",
    "zstd": "librdkafka's libraries: OpenSSL, zlib, zstd",
    "tikv-jemalloc": "the allocator, jemalloc",
    symbols.RUST: "archiver: tokio, std and other crates",
    symbols.OWN: "archiver: its own modules",
}
COPIES, LIBC = "libc: copying and filling memory", "libc: the rest, mostly locks"
OTHER = "other"
PLACES = list(dict.fromkeys([*KERNEL, *LIBRARIES.values(), COPIES, LIBC, OTHER]))
OURS = [LIBRARIES[symbols.RUST], LIBRARIES[symbols.OWN]]


def section(broker, args):
    topic = hot_topic(broker, args)
    made = Section("Where the CPU time goes")
    try:
        perf = working_perf()
        program = symbols.binary()
        origins = symbols.Origins(program)
        watched = watched_by(perf, programs.archiver("raw", broker.address, topic, binary=program))
    except Missing as e:
        made.say(f"Skipped: {e}")
        return made
    if args.runs > 1:
        warm_up(broker, watched)
    for number in range(args.runs):
        # What others used isn't known: archiver is perf's child.
        if problem := once(broker, watched).problem:
            raise Failed(f"archiver under perf: {problem}")
        made.runs.append(shares(perf, origins))
        say(f"{number + 1}/{args.runs} profile: " + ", ".join(f"{k} {v:.1f} %" for k, v in made.runs[-1].items()))
    rows = [[place, f"{statistics.median(run[place] for run in made.runs):.1f} %"] for place in PLACES]
    own = statistics.median(sum(run[place] for place in OURS) for run in made.runs)
    made.figures = {"profile.own_percent": own}
    made.table(["", "share of archiver's CPU time"], [*rows, ["archiver's part, both lines", f"{own:.1f} %"]])
    made.say(
        f"The topic of {topic.records:,} records, raw, one archive; from start to stop. What the compiler has put into "
        "a function of archiver counts as its own; what libc copies, it copies for archiver and for librdkafka. Memory "
        "that is touched first while a record is received or written is memory's."
    )
    return made


def working_perf():
    perf = setup.command("perf", "linux-perf")
    if os.geteuid() != 0:
        raise Missing("only root sees the kernel's part")
    setup.run([perf, *RECORD, "--", "true"])
    return perf


def watched_by(perf, program):
    # A perf that is killed can't end its child.
    dies_with_it = [setup.command("setpriv", "util-linux"), "--pdeathsig", "KILL"]
    under = programs.started_by([perf, *RECORD, "--", *dies_with_it], program)
    # perf ends as it was asked to: by the signal, once archiver has stopped.
    return replace(under, key="profile", job=lambda directory: replace(under.job(directory), exit_codes=(0, -15)))


def shares(perf, origins):
    """Percent of the samples at each place."""
    asked = [perf, "script", "-i", str(SAMPLES), "--no-demangle", "-F", "ip,sym,dso"]
    found = dict.fromkeys(PLACES, 0)
    # An empty line after each sample, whose first line is where it was.
    for sample in setup.run(asked).split("\n\n"):
        frames = re.findall(r"^\s*([0-9a-f]+) (.+) \((.*)\)$", sample, re.MULTILINE)
        if frames:
            found[place(frames, origins)] += 1
    count = sum(found.values())
    if not count:
        raise Missing("perf took no samples")
    return {name: samples / count * 100 for name, samples in found.items()}


def place(frames, origins):
    address, symbol, file = frames[0]
    if int(address, 16) >= KERNEL_FROM:
        calls = " ".join(name for _, name, _ in frames)
        return next(name for name, pattern in KERNEL.items() if re.search(pattern, calls))
    if "/libc." in file:
        return COPIES if re.search(r"mem(cpy|move|set)", symbol) else LIBC
    return LIBRARIES.get(origins.of(symbol), OTHER)
