"""Small things that add up: what one idle archive costs, how quickly it answers, how large it is."""

import os
import shutil
import statistics
import subprocess
import tempfile
import time

import quiet
import setup
import symbols
from live import Topics
from report import MIB, Section
from setup import Missing

ASKED = 20
# What symbols.Origins calls them; what is in none of these has no symbol, or is small.
PARTS = {
    "openssl": "OpenSSL",
    symbols.RUST: "Rust's standard library and other crates",
    "rdkafka": "librdkafka",
    "zstd": "zstd",
    symbols.OWN: "archiver itself",
    "tikv-jemalloc": "jemalloc",
}


def section(broker, args):
    made = Section("Small things")
    with Topics(broker, 1) as topics:
        topics.send(1)
        percents = [quiet.idle_cpu_percent(broker, topics, args) for _ in range(args.runs)]
    made.runs = [{"idle_cpu_percent": percent} for percent in percents]
    made.figures = f = {
        "small.idle_cpu_percent": statistics.median(percents),
        "small.version_s": statistics.median(version_s() for _ in range(ASKED)),
        "small.binary_bytes": stripped_bytes(setup.archiver()),
    }
    made.table(
        ["", ""],
        [
            [f"one idle archive: CPU of one core, over {quiet.idle_s(args)} s", f"{f['small.idle_cpu_percent']:.2f} %"],
            [f"`archiver --version`, median of {ASKED}", f"{f['small.version_s'] * 1000:.1f} ms"],
            ["the program on disk, stripped", f"{f['small.binary_bytes'] / MIB:.1f} MiB"],
        ],
    )
    try:
        add_parts(made)
    except Missing as e:
        made.say(f"The parts of the program: skipped: {e}")
    return made


def add_parts(made):
    with_symbols = symbols.binary()
    whole, found = stripped_bytes(with_symbols), symbols.sizes(with_symbols)
    parts = {origin: found.get(origin, 0) for origin in PARTS}
    parts["rest"] = whole - sum(parts.values())
    made.figures |= {f"small.{origin}_bytes": size for origin, size in parts.items()}
    names = PARTS | {"rest": "the rest: texts, tables for unwinding and loading, zlib, libdeflate"}
    made.table(
        ["part of the program", "MiB", "share"],
        [[names[origin], f"{size / MIB:.2f}", f"{size / whole:.0%}"] for origin, size in parts.items()],
    )
    made.say("Code and data, by the sizes of their symbols.")


def version_s():
    began = time.monotonic()
    subprocess.run([str(setup.archiver()), "--version"], stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - began


def stripped_bytes(program):
    """As it is where nothing can strip it: the release profile may have done so."""
    with tempfile.TemporaryDirectory() as directory:
        copy = shutil.copy(program, directory)
        if shutil.which("strip"):
            subprocess.run(["strip", copy], check=True)
        return os.stat(copy).st_size
