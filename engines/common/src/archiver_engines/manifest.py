"""The sealed segments of an archive, as its checkpoint and its manifest list them.

Growing segments are left out: an engine opens files whenever it likes, and a file that is final never changes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: The directory of state directories beside the files of archives.
STATE_DIRECTORY = ".archiver"


class ArchiveError(Exception):
    """An archive can't be read, and why."""


@dataclass(frozen=True)
class Segment:
    """A file that is final."""

    path: Path
    #: What a line is: ``raw`` is the value alone, ``json`` the envelope.
    format: str
    #: ``none``, ``gzip`` or ``zstd``.
    compression: str
    #: Its length in bytes.
    size: int


@dataclass(frozen=True)
class Archive:
    """An archive, and which files it has sealed."""

    name: str
    topic: str
    segments: list[Segment]

    def of_format(self, format: str) -> list[Segment]:
        """The segments whose lines are of this format."""
        return [segment for segment in self.segments if segment.format == format]


def state_directory(path: Path, name: str | None = None) -> Path:
    """The state directory that is meant by a path: itself, or the one of this name (or the only one) below it."""
    if (path / "checkpoint.json").is_file():
        return path
    states = path if path.name == STATE_DIRECTORY else path / STATE_DIRECTORY
    if name is not None and (states / name / "checkpoint.json").is_file():
        return states / name
    found = sorted(state.parent for state in states.glob("*/checkpoint.json"))
    if name is None and len(found) == 1:
        return found[0]
    known = ", ".join(state.name for state in found) or "none"
    raise ArchiveError(f"{path} has no archive {name or 'of its own'}; there is {known}")


def load(state: Path, directory: Path | None = None) -> Archive:
    """Reads what a state directory says. Its files are below ``directory``, else beside it or where the checkpoint says."""
    checkpoint = _object(state / "checkpoint.json", (state / "checkpoint.json").read_bytes())
    if checkpoint.get("format") != 3:
        raise ArchiveError(f"{state}: its checkpoint has format {checkpoint.get('format')}, not 3")
    inside = checkpoint["checkpoint"]
    identity, progress = inside["identity"], inside["progress"]
    unnamed = {of["file"]["sequence"] for of in progress.get("unnamed", [])}
    base = directory or _base(state, identity["file"])
    sealed: dict[int, Segment] = {}
    length = progress["list"].get("manifest", {"length": 0})["length"]
    for entry in _entries(state / "manifest.ndjson", length):
        if entry["type"] == "sealed":
            segment = _segment(entry, base, Path(identity["file"]))
            sealed[entry["file"]["sequence"]] = segment
        elif entry["type"] == "deleted":
            sealed.pop(entry["file"]["sequence"], None)
    # A segment that was sealed a moment ago gets its name after the checkpoint: until then it is left out.
    for sequence in unnamed & sealed.keys():
        if not sealed[sequence].path.exists():
            del sealed[sequence]
    segments = [sealed[sequence] for sequence in sorted(sealed)]
    for segment in segments:
        _check(segment)
    return Archive(name=state.name, topic=identity["topic"], segments=segments)


def _entries(path: Path, length: int) -> list[dict[str, Any]]:
    """The lines of a manifest that the checkpoint counts."""
    if length == 0:
        return []
    with path.open("rb") as file:
        counted = file.read(length)
    if len(counted) < length or not counted.endswith(b"\n"):
        raise ArchiveError(f"{path} is shorter than its checkpoint says: {len(counted)} of {length} bytes")
    return [_object(path, line) for line in counted.splitlines()]


def _segment(sealed: dict[str, Any], base: Path, only: Path) -> Segment:
    name = sealed["file"].get("name")
    return Segment(
        path=base / (name if name is not None else only.name),
        format=sealed["format"],
        compression=sealed["compression"],
        size=sealed["bytes"],
    )


def _check(segment: Segment) -> None:
    """A file that isn't what was sealed would be an answer that is wrong."""
    try:
        size = segment.path.stat().st_size
    except OSError as error:
        raise ArchiveError(f"segment {segment.path}: {error.strerror}") from error
    if size != segment.size:
        raise ArchiveError(f"segment {segment.path} has {size} bytes, but {segment.size} were sealed; see archiver verify")


def _base(state: Path, file: str) -> Path:
    """The directory that the names of segments are below."""
    if state.parent.name == STATE_DIRECTORY:
        return state.parent.parent
    fixed = Path(file).parent
    while "{" in str(fixed):
        fixed = fixed.parent
    return fixed


def _object(path: Path, text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ArchiveError(f"{path}: {error}") from error
    if not isinstance(value, dict):
        raise ArchiveError(f"{path}: a line is no object")
    return value
