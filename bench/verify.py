"""Counts what a run left behind: a program that lost records would be fast for nothing."""

import subprocess

READERS = {".gz": ["gzip", "-dc"], ".zst": ["zstd", "-dcq"]}


def problem(files, records_per_file, bytes_per_file):
    """What is wrong with the files, or None: each must hold so many lines and bytes when unpacked."""
    for file in files:
        if not file.exists():
            return f"{file.name} was not written"
        lines, size = count(file)
        if lines != records_per_file:
            return f"{file.name} has {lines:,} lines, expected {records_per_file:,}"
        if size != bytes_per_file:
            return f"{file.name} has {size:,} bytes unpacked, expected {bytes_per_file:,}"
    return None


def count(file):
    """(lines, bytes) of a file, unpacked if its ending asks for that."""
    reader = READERS.get(file.suffix)
    if reader is None:
        lines = size = 0
        with open(file, "rb", buffering=0) as raw:
            while block := raw.read(1 << 20):
                lines += block.count(b"\n")
                size += len(block)
        return lines, size
    with subprocess.Popen([*reader, file], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as unpack:
        counted = subprocess.run(["wc", "-lc"], stdin=unpack.stdout, capture_output=True, text=True, check=True)
    lines, size = map(int, counted.stdout.split())
    return lines, size
