"""Counts what a run left behind: a program that lost records would be fast for nothing."""

import subprocess

GROWING = ".part"
READERS = {".gz": ["gzip", "-dc"], ".zst": ["zstd", "-dcq"]}


def problem(measured, job, topic):
    """What is wrong with a run, or None: each file must hold the topic's lines and bytes when unpacked."""
    if measured.records is not None and measured.records != topic.records:
        return f"it read {measured.records:,} records, expected {topic.records:,}"
    for file in job.files:
        if not file.exists():
            return f"{file.name} was not written"
        lines, size = map(sum, zip(*map(count, segments(file)), strict=True)) if file.is_dir() else count(file)
        if lines != topic.records:
            return f"{file.name} has {lines:,} lines, expected {topic.records:,}"
        if job.only_values and size != topic.file_bytes:
            return f"{file.name} has {size:,} bytes unpacked, expected {topic.file_bytes:,}"
    return None


def segments(directory):
    """The files of a directory, but for the state's."""
    for entry in sorted(directory.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from segments(entry)
        else:
            yield entry


def index_bytes(directory):
    """What the indexes of all archives below a directory take up."""
    return sum(file.stat().st_size for file in directory.rglob("*.idx"))


def count(file):
    """(lines, bytes) of a file, unpacked if its ending asks for that."""
    suffixes = [suffix for suffix in file.suffixes if suffix != GROWING]
    reader = READERS.get(suffixes[-1])
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
