"""What is compared: how each program is started, and when it is done."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import setup
from measure import Job

# Slow ones are measured on the first so many records; the table says so.
LOOP_RECORDS_MAX = 1_500_000
KCAT_GZIP_RECORDS_MAX = 3_000_000


@dataclass(frozen=True)
class Topic:
    """The shape of what is captured; a name stands for exactly one content, so topics can be kept."""

    records: int
    record_bytes: int
    partitions: int
    codec: str = "none"

    @property
    def name(self):
        codec = "" if self.codec == "none" else f"-{self.codec}"
        return f"metrics-v1-{self.records}x{self.record_bytes}b-{self.partitions}p{codec}"

    def file_bytes(self, records):
        return records * (self.record_bytes + 1)


@dataclass(frozen=True)
class Program:
    key: str  # as --only takes it
    label: str  # as the table shows it
    records: int
    job: Callable[[Path], Job]  # the directory of one run → its job


@dataclass(frozen=True)
class Skipped:
    key: str
    label: str
    reason: str


ARCHIVERS = {
    "raw": ("archiver, raw", ""),
    "gzip": ("archiver, gzip", ".gz"),
    "zstd": ("archiver, zstd", ".zst"),
}
KCATS = {
    "kcat": ("kcat to a file", None, None),
    "kcat-gzip": ("kcat \\| gzip -1", ["gzip", "-1"], ".gz"),
    "kcat-zstd": ("kcat \\| zstd -1 -T0", ["zstd", "-1", "-T0", "-q", "-c"], ".zst"),
}
LOOP = "Python loop (confluent-kafka)"
KEYS = [*ARCHIVERS, *KCATS, "loop"]


def one_topic(address, topic, keys):
    """The programs that capture one hot topic, in the order of the table."""
    found = []
    for key in KEYS:
        if key not in keys:
            continue
        try:
            if key in ARCHIVERS:
                found.append(archiver(key, address, topic))
            elif key in KCATS:
                found.append(kcat(key, address, topic))
            else:
                found.append(loop(address, topic))
        except setup.Missing as e:
            label = LOOP if key == "loop" else (ARCHIVERS | KCATS)[key][0]
            found.append(Skipped(key, label, str(e)))
    return found


def archiver(key, address, topic):
    label, ending = ARCHIVERS[key]
    binary = setup.archiver()
    if key == "zstd":
        setup.command("zstd")  # the check afterwards unpacks with it

    def job(directory):
        file = directory / f"metrics.ndjson{ending}"
        config = write_config(directory, address, [(topic.name, file)])
        return Job(
            commands=[[str(binary), "-c", str(config)]],
            files=[file],
            bytes_per_file=None if ending else topic.file_bytes(topic.records),
        )

    return Program(key, label, topic.records, job)


def kcat(key, address, topic):
    label, compressor, ending = KCATS[key]
    # Assigned, not subscribed, and its output buffered: unbuffered (-u) it is five times slower.
    read = [setup.command("kcat"), "-C", "-b", address, "-t", topic.name, "-o", "beginning", "-e", "-q"]
    records = topic.records
    if compressor:
        compressor = [setup.command(compressor[0]), *compressor[1:]]
    if key == "kcat-gzip":
        records = min(records, KCAT_GZIP_RECORDS_MAX)
        read += ["-c", str(records)]

    def job(directory):
        file = directory / f"metrics.ndjson{ending or ''}"
        commands = [read, compressor] if compressor else [read]
        return Job(commands=commands, files=[file], stdout=file, ends_itself=True)

    return Program(key, label, records, job)


def loop(address, topic):
    python = setup.venv_python()
    records = min(topic.records, LOOP_RECORDS_MAX)
    script = setup.ROOT / "bench" / "loop.py"

    def job(directory):
        file = directory / "metrics.ndjson"
        command = [str(python), str(script), address, topic.name, str(file), str(records)]
        return Job(commands=[command], files=[file], ends_itself=True)

    return Program("loop", LOOP, records, job)


def thousand_archives(address, names, topic):
    """One archiver process with one archive for each of the topics, which all have the same shape."""
    binary = setup.archiver()

    def job(directory):
        files = [directory / f"{name}.ndjson" for name in names]
        config = write_config(directory, address, zip(names, files, strict=True))
        return Job(
            commands=[[str(binary), "-c", str(config)]],
            files=files,
            bytes_per_file=topic.file_bytes(topic.records),
        )

    return Program("thousand", f"{len(names):,} archives of {topic.records:,} records", topic.records, job)


def write_config(directory, address, archives, more=""):
    """All defaults but for `start`, as the backlog is what is measured, and for the text of `more`."""
    config = directory / "topics.toml"
    with open(config, "w") as f:
        f.write(f'{more}[defaults]\nstart = "earliest"\n')
        for topic, file in archives:
            f.write(f'\n[[archive]]\nbroker = "{address}"\ntopic = "{topic}"\nfile = "{file}"\n')
    return config
