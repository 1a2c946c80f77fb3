"""What is compared: a topic's shape, a program that captures it, and archiver itself."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import setup
from measure import Job


@dataclass(frozen=True)
class Topic:
    """The shape of what is captured; a name stands for exactly one content, so topics can be kept."""

    records: int
    record_bytes: int
    partitions: int
    codec: str = "none"
    times: str = "produced"  # its records' timestamps, as produce.py knows them

    @property
    def name(self):
        codec = "" if self.codec == "none" else f"-{self.codec}"
        times = "" if self.times == "produced" else f"-{self.times}"
        return f"metrics-v1-{self.records}x{self.record_bytes}b-{self.partitions}p{codec}{times}"

    def names(self, count):
        """Of so many topics of this shape."""
        return [f"{self.name}-{i:04}" for i in range(count)]

    @property
    def file_bytes(self):
        return self.records * (self.record_bytes + 1)


@dataclass(frozen=True)
class Program:
    key: str  # as --only takes it
    label: str  # as the table shows it
    topic: Topic  # what each of its files holds afterwards
    job: Callable[[Path], Job]  # the directory of one run → its job
    files: int = 1

    @property
    def records(self):
        return self.files * self.topic.records

    @property
    def topics(self):
        return self.topic.names(self.files) if self.files > 1 else [self.topic.name]


def renamed(program, key, label):
    return replace(program, key=key, label=label)


def started_by(command, program):
    """The same, its first command handed to another one: taskset, perf."""

    def job(directory):
        made = program.job(directory)
        return replace(made, commands=[[*command, *made.commands[0]], *made.commands[1:]])

    return replace(program, job=job)


@dataclass(frozen=True)
class Skipped:
    key: str
    label: str
    reason: str


ARCHIVERS = {
    "raw": ("archiver, raw", ""),
    "gzip": ("archiver, gzip", ".gz"),
    "zstd": ("archiver, zstd", ".zst"),
    "json": ("archiver, format = json", ""),
}


def archiver(key, address, topic, cluster="", top="", defaults="", binary=None, segments=None):
    """`cluster`, `top` and `defaults`: what the configuration has there beside what is needed. `segments`: the paths of
    its segments, with placeholders; without, there is one file."""
    label, ending = ARCHIVERS[key]
    binary = binary or setup.archiver()
    if key == "zstd":
        setup.command("zstd")  # the check afterwards unpacks with it
    is_json = key == "json"
    if is_json:
        defaults += 'format = "json"\n'
    tables = f'{top}[clusters.bench]\nbroker = "{address}"\n{cluster}'

    def job(directory):
        file = directory / (f"data/{segments}.ndjson{ending}" if segments else f"metrics.ndjson{ending}")
        config = write_config(directory, "bench", [(topic.name, file)], tables, defaults)
        return Job(
            commands=[[str(binary), "-c", str(config)]],
            files=[directory / "data" if segments else file],
            bytes_per_file=None if ending or is_json else topic.file_bytes,
            only_values=not is_json,
        )

    return Program(key, label, topic, job)


def archives(key, label, address, topic, count, defaults="", top="", binary=None, segments=None):
    """One archiver process with an archive for each of so many topics of one shape."""
    binary = binary or setup.archiver()
    names = topic.names(count)

    def job(directory):
        files = [directory / (name if segments else f"{name}.ndjson") for name in names]
        paths = [file / f"{segments}.ndjson" if segments else file for file in files]
        config = write_config(directory, address, zip(names, paths, strict=True), top, defaults)
        return Job(commands=[[str(binary), "-c", str(config)]], files=files, bytes_per_file=topic.file_bytes)

    return Program(key, label, topic, job, count)


def write_config(directory, broker, archives, more="", defaults=""):
    """All defaults but for `start`, as the backlog is what is measured, and for what else is given."""
    text = [f'{more}[defaults]\nstart = "earliest"\n{defaults}']
    text += [f'\n[[archive]]\nbroker = "{broker}"\ntopic = "{topic}"\nfile = "{file}"\n' for topic, file in archives]
    return write_text(directory / "topics.toml", "".join(text))


def write_text(path, text):
    path.write_text(text)
    return path
