"""Archives read back: `archiver verify`, `archiver cat`, and one minute out of a large segment."""

import hashlib
import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import proc
import programs
import setup
from measure import measure
from onetopic import PARTITIONS, RECORD_BYTES, hot_topic
from programs import Topic
from report import Section
from rounds import scratch
from setup import WORK, Failed, say
from times import BEGAN_MS, RECORDS_PER_S

GB = 1_000_000_000
CODECS = {"raw": "metrics.ndjson", "zstd": "metrics.ndjson.zst"}
# One segment of 10 GB, without compression; its records' own times are an hour and a half.
LARGE_RECORDS = 10 * GB // (RECORD_BYTES + 1)
WINDOW_S, WINDOW_S_QUICK = 60, 5
TIMEOUT_S = 600


@dataclass(frozen=True)
class Reading:
    """A program that reads an archive: its command, by the directory of the archive."""

    key: str
    label: str
    codec: str
    command: list[str]


def whole(broker, args):
    """All of an archive of the hot topic, checked and printed."""
    topic = hot_topic(broker, args)
    section = Section("Archives read back")
    with scratch() as directory:
        there = {codec: made(broker, topic, codec, Path(directory)) for codec in CODECS}
        found = readings(there)
        same_output(found)
        runs = {reading.key: [] for reading in found}
        for round_number in range(args.runs):
            for reading in found:
                runs[reading.key].append(run(reading.command))
                wall_s, cpu_s = runs[reading.key][-1]
                say(f"{round_number + 1}/{args.runs} {reading.key}: {wall_s:.2f} s, {cpu_s:.2f} s of CPU")
    section.runs = [{"program": key, "wall_s": w, "cpu_s": c} for key, made_ in runs.items() for w, c in made_]
    rows = []
    for reading in found:
        wall_s, cpu_s = (statistics.median(figure) for figure in zip(*runs[reading.key], strict=True))
        f = {"gb_per_s": topic.file_bytes / GB / wall_s, "gb_per_cpu_s": topic.file_bytes / GB / cpu_s}
        section.figures |= {f"reading.{reading.key}.{name}": value for name, value in f.items()}
        rows.append([reading.label, reading.codec, *(f"{value:.2f} GB/s" for value in f.values())])
    section.table(["", "archive", "plain text", "for each second of CPU"], rows)
    section.say(
        f"One segment of {topic.records:,} records, {topic.file_bytes / GB:.1f} GB of plain text, in the page cache. "
        "What is printed goes to /dev/null. CPU: user and system, of all threads."
    )
    return section


def readings(there):
    binary, zstd = str(setup.archiver()), setup.command("zstd")
    made_ = []
    for codec, directory in there.items():
        made_.append(Reading(f"verify-{codec}", "`archiver verify`", codec, [binary, "-q", "verify", str(directory)]))
    for codec, directory in there.items():
        made_.append(Reading(f"cat-{codec}", "`archiver cat`", codec, [binary, "-q", "cat", str(directory)]))
    stock = {"raw": ["cat"], "zstd": [zstd, "-dcq"]}
    for codec, directory in there.items():
        command = [*stock[codec], str(directory / CODECS[codec])]
        text = f"`{Path(command[0]).name}{' -dc' if codec == 'zstd' else ''}`, the stock tool"
        made_.append(Reading(f"stock-{codec}", text, codec, command))
    return made_


def made(broker, topic, codec, directory):
    """The directory of an archive of all the topic's records, whose archiver has stopped."""
    place = directory / codec
    place.mkdir()
    broker.read_topics(topic, [topic.name])
    job = programs.archiver(codec, broker.address, topic).job(place)
    problem = measure(job, WORK / "logs" / f"reading-{codec}.log", broker).problem
    if problem:
        raise Failed(problem)
    return place


def run(command):
    """(wall, CPU) seconds of a program that must succeed."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=proc.die_with_parent)
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Failed(f"{' '.join(command)} ended with {process.returncode}")
    return wall_s, usage.ru_utime + usage.ru_stime


def same_output(found):
    """What is fast must print the same as what it is measured against."""
    for codec in CODECS:
        printing = [r for r in found if r.codec == codec and not r.key.startswith("verify")]
        if len({output_digest(r.command) for r in printing}) != 1:
            raise Failed(f"these don't print the same: {', '.join(r.key for r in printing)}")


def output_digest(command):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=proc.die_with_parent)
    digest = hashlib.blake2b()
    while block := process.stdout.read(1 << 20):
        digest.update(block)
    if process.wait(TIMEOUT_S):
        raise Failed(f"{' '.join(command)} ended with {process.returncode}")
    return digest.hexdigest()


def since(broker, args):
    """One minute out of a large segment, by the timestamps of its records."""
    records = args.records if args.quick else LARGE_RECORDS
    window_s = WINDOW_S_QUICK if args.quick else WINDOW_S
    topic = Topic(records, RECORD_BYTES, PARTITIONS, codec="zstd", times="own")
    broker.make_topics(topic, [topic.name])
    size = f"{topic.file_bytes / GB:.1f} GB of plain text"
    section = Section(f"{window_s} s out of a segment of {size}")
    if args.quick:
        section.say(f"A smoke test: {size}, where 10 GB are meant.")
    middle_ms = BEGAN_MS + records * 500 // RECORDS_PER_S // 1000 * 1000
    window = ["--since", str(middle_ms), "--until", str(middle_ms + window_s * 1000)]
    wanted = window_s * RECORDS_PER_S
    rows = []
    with scratch(WORK) as directory:
        place = made(broker, topic, "zstd", Path(directory))
        os.sync()
        command = [str(setup.archiver()), "-q", "cat", str(place), *window]
        for key, text, prepare in [("cold", "from the disk", forget), ("warm", "in the page cache", lambda _: None)]:
            figures = []
            for _ in range(args.runs):
                prepare(place)
                figures.append(first_line(command, wanted))
                say(f"{key}: first line after {figures[-1][0] * 1000:.1f} ms, all after {figures[-1][1]:.2f} s")
            section.runs += [{"program": key, "first_line_s": f, "all_s": a} for f, a in figures]
            first_s, all_s = (statistics.median(figure) for figure in zip(*figures, strict=True))
            section.figures |= {f"since.{key}.first_line_s": first_s, f"since.{key}.all_s": all_s}
            rows.append([text, f"{first_s * 1000:.0f} ms", f"{all_s:.2f} s"])
    section.table(["`archiver cat --since … --until …`", "start to first line", "to the last one"], rows)
    section.say(
        f"An archive in zstd, onto the disk: {records:,} records, of which {wanted:,} are printed. From the disk: its "
        "files were dropped from the page cache before."
    )
    return section


def first_line(command, wanted):
    """(seconds until something is printed, until all is)."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0, preexec_fn=proc.die_with_parent)
    block = process.stdout.read(1 << 20)
    first_s, lines = time.monotonic() - began, 0
    while block:
        lines += block.count(b"\n")
        block = process.stdout.read(1 << 20)
    code, all_s = process.wait(TIMEOUT_S), time.monotonic() - began
    if code or lines != wanted:
        raise Failed(f"{' '.join(command)} printed {lines:,} lines and ended with {code}, expected {wanted:,} and 0")
    return first_s, all_s


def forget(directory):
    """Drops the files of an archive from the page cache."""
    for path in directory.rglob("*"):
        if path.is_file():
            fd = os.open(path, os.O_RDONLY)
            try:
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(fd)
