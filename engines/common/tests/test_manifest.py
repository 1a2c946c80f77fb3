"""Sealed segments, out of what lies in a state directory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from archiver_engines.manifest import ArchiveError, load, state_directory


def sealed(sequence: int, size: int) -> dict[str, object]:
    return {
        "type": "sealed",
        "file": {"sequence": sequence, "name": f"m-{sequence}.ndjson", "id": {"inode": 1, "born": None}},
        "format": "raw",
        "compression": "none",
        "bytes": size,
    }


def archive(
    root: Path, entries: list[dict[str, object]], counted: int | None = None, unnamed: tuple[int, ...] = ()
) -> Path:
    """An archive whose checkpoint counts so many of these entries, and knows these to be unnamed."""
    state = root / ".archiver" / "m"
    state.mkdir(parents=True)
    lines = [json.dumps(entry).encode() + b"\n" for entry in [{"type": "manifest", "version": 1}, *entries]]
    (state / "manifest.ndjson").write_bytes(b"".join(lines))
    length = sum(map(len, lines if counted is None else lines[: counted + 1]))
    progress = {
        "list": {"manifest": {"length": length, "fingerprint": ""}},
        "unnamed": [{"file": {"sequence": sequence}} for sequence in unnamed],
    }
    identity = {"file": "elsewhere/m-{seq}.ndjson", "topic": "t"}
    checkpoint = {"format": 3, "checkpoint": {"identity": identity, "progress": progress}}
    (state / "checkpoint.json").write_text(json.dumps(checkpoint))
    for sequence in range(3):
        (root / f"m-{sequence}.ndjson").write_bytes(b"{}\n")
    return state


def test_those_are_listed_that_the_checkpoint_counts(tmp_path: Path) -> None:
    state = archive(tmp_path, [sealed(1, 3), sealed(0, 3), sealed(2, 3)], counted=2)
    loaded = load(state)
    assert [segment.path for segment in loaded.segments] == [tmp_path / "m-0.ndjson", tmp_path / "m-1.ndjson"]
    assert (loaded.name, loaded.topic) == ("m", "t")


def test_those_that_were_deleted_are_not(tmp_path: Path) -> None:
    state = archive(tmp_path, [sealed(0, 3), {"type": "deleted", "file": {"sequence": 0}}, sealed(1, 3)])
    assert [segment.path.name for segment in load(state).segments] == ["m-1.ndjson"]


def test_one_without_its_name_yet_is_left_out(tmp_path: Path) -> None:
    state = archive(tmp_path, [sealed(0, 3), sealed(7, 3)], unnamed=(0, 7))
    assert [segment.path.name for segment in load(state).segments] == ["m-0.ndjson"]


def test_a_file_that_isn_t_what_was_sealed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="m-0.ndjson has 3 bytes, but 4 were sealed"):
        load(archive(tmp_path, [sealed(0, 4)]))


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="m-9.ndjson: No such file"):
        load(archive(tmp_path, [sealed(9, 3)]))


def test_a_manifest_that_lost_lines_is_refused(tmp_path: Path) -> None:
    state = archive(tmp_path, [sealed(0, 3)])
    (state / "manifest.ndjson").write_bytes(b"{}\n")
    with pytest.raises(ArchiveError, match="shorter than its checkpoint says"):
        load(state)


def test_an_archive_is_found_below_the_directory_of_its_files(tmp_path: Path) -> None:
    state = archive(tmp_path, [])
    assert state_directory(tmp_path) == state_directory(tmp_path, "m") == state_directory(state) == state
    with pytest.raises(ArchiveError, match="no archive x; there is m"):
        state_directory(tmp_path, "x")
