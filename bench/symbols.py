"""The program with its symbols, and which library a symbol comes from."""

import functools
import os
import re
import shutil
from pathlib import Path

import setup
from setup import ROOT, WORK, Missing, say

BUILT = WORK / "symbols"
OWN, RUST, UNKNOWN = "archiver", "Rust", ""


@functools.cache
def binary():
    """What release has, only linked anew: a copy of its dependencies is taken, which take minutes to build."""
    if named := os.environ.get("ARCHIVER_SYMBOLS_BIN"):
        return Path(named).resolve()
    if "ARCHIVER_BIN" in os.environ:
        raise Missing("ARCHIVER_BIN names an archiver, but ARCHIVER_SYMBOLS_BIN none with symbols")
    cargo = setup.command("cargo")
    release = ROOT / "target" / "release"
    if release.is_dir() and not BUILT.exists():
        say("copying target/release")
        half = BUILT.with_suffix(".half")
        shutil.rmtree(half, ignore_errors=True)
        shutil.copytree(release, half / "release", symlinks=True)
        half.rename(BUILT)
    say("linking archiver with its symbols")
    only = ["--release", "--locked", "--bin", "archiver", "--manifest-path", str(ROOT / "Cargo.toml")]
    setup.run([cargo, "-q", "rustc", *only, "--target-dir", str(BUILT), "--", "-C", "strip=none"])
    return BUILT / "release" / "archiver"


class Origins:
    """Of symbols as the linker sees them: the crate that has built them from C, `OWN`, `RUST`, or `UNKNOWN`."""

    def __init__(self, program):
        self.crates = {}
        build = program.parent / "build"
        for archive in sorted(build.glob("*/out/**/*.a")):
            crate = archive.relative_to(build).parts[0].rpartition("-")[0].removesuffix("-sys")
            for _, _, symbol in names(archive):
                self.crates.setdefault(symbol, crate)
        if not self.crates:
            raise Missing(f"the libraries that went into {program.name} are not beside it, in build/*/out")

    def of(self, symbol):
        if symbol.startswith("_ZN8archiver"):
            return OWN
        if re.match(r"_ZN|_R|anon\.|rust_", symbol):
            return RUST
        # The compiler makes variants of a function: name.constprop.0, name.cold.
        return self.crates.get(symbol) or self.crates.get(symbol.partition(".")[0], UNKNOWN)


def sizes(program):
    """Of each part of the program that takes room in the file, by origin; what is there twice counts once."""
    origins = Origins(program)
    largest = {}
    for address, size, symbol in names(program):
        if size > largest.get(address, (0, ""))[0]:
            largest[address] = (size, origins.of(symbol))
    total = {}
    for size, origin in largest.values():
        total[origin] = total.get(origin, 0) + size
    return total


def names(file):
    """(address, size, symbol) of what an object or a library of them defines, but for what is all zeros."""
    listed = setup.run([setup.command("nm", "binutils"), "-S", "--defined-only", str(file)])
    for line in listed.splitlines():
        fields = line.split()
        if len(fields) == 4 and fields[2] not in "bB":
            yield int(fields[0], 16), int(fields[1], 16), fields[3]
