"""A query as ``archiver-analyze … --emit ENGINE`` prints it: a line that says what it reads, then SQL."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum

from archiver_engines.manifest import Archive

#: What the line that says what a query reads begins with.
HEADER = "-- archiver-analyze "


class QueryError(Exception):
    """A query can't be run, and why."""


class Kind(Enum):
    """What a field holds."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True)
class Field:
    """A field of the value, and the column that it is."""

    column: str
    #: The names from the outside in.
    path: tuple[str, ...]
    kind: Kind


@dataclass(frozen=True)
class Query:
    """A query, and what it reads."""

    #: For which engine it was emitted.
    dialect: str
    #: The name of the archive, which is that of the table.
    archive: str
    #: The column that says when something was.
    time: str
    #: Milliseconds since 1970 of that column, as an expression of SQL.
    event_ms: str
    fields: list[Field]
    sql: str

    @property
    def is_by_timestamp(self) -> bool:
        """Does it go by the record's own timestamp?"""
        return self.time == "timestamp"


def parse(text: str, dialect: str, analysis: str | None = None) -> Query:
    """The query that was emitted for this engine; of the analyses of a file, the one of this name."""
    queries = _split(text)
    if not queries:
        raise QueryError(f"there is no line that begins with {HEADER!r}: let archiver-analyze emit the query")
    chosen = [query for query in queries if analysis in (None, query[0])]
    if len(chosen) != 1:
        known = ", ".join(name or "one without a name" for name, _, _ in queries)
        raise QueryError(f"name one analysis; there is {known}")
    _, header, sql = chosen[0]
    said = json.loads(header)
    if said["dialect"] != dialect:
        raise QueryError(f"the query was emitted for {said['dialect']}, not for {dialect}")
    fields = [
        Field(column=field["column"], path=tuple(field["path"]), kind=Kind(field["kind"]))
        for field in said["fields"]
    ]
    return Query(
        dialect=dialect,
        archive=said["archive"],
        time=said["time"],
        event_ms=said["event_ms"],
        fields=fields,
        sql=sql,
    )


def _split(emitted: str) -> list[tuple[str | None, str, str]]:
    """The names of analyses (of a file, on the line before), the lines that say what each reads, and their SQL."""
    lines = emitted.split("\n")
    starts = [number for number, line in enumerate(lines) if line.startswith(HEADER)]
    names = [number for number in starts if number > 0 and lines[number - 1].startswith("-- ")]
    queries = []
    for start, end in zip(starts, [*starts, len(lines)][1:], strict=True):
        name = lines[start - 1].removeprefix("-- ") if start in names else None
        sql = lines[start + 1 : end - 1 if end in names else end]
        text = "\n".join(sql).strip().removesuffix(";")
        queries.append((name, lines[start].removeprefix(HEADER), text))
    return queries


def check(query: Query, archive: Archive) -> None:
    """Refuses what a query can't be asked of."""
    if not archive.segments:
        raise QueryError(f"archive {archive.name} has no sealed segments yet")
    if query.is_by_timestamp and archive.of_format("raw"):
        raise QueryError(
            f"archive {archive.name} has raw segments, and only its index knows when their records were written: "
            "name a field with --time, or read its Parquet"
        )
