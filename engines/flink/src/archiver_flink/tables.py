"""Archives as tables of Flink, with the columns that they have in ``archiver-analyze``."""

from __future__ import annotations

from archiver_engines.manifest import Archive, Segment
from archiver_engines.query import Field, Kind, Query, check
from pyflink.table import TableEnvironment

from archiver_flink.fields import field, text
from archiver_flink.text import any_of, literal, name, options

_LINES = "archiver_lines"

#: The parts of a record.
_PARTS = {
    "topic": "STRING",
    "partition": "INT",
    "offset": "BIGINT",
    "timestamp": "TIMESTAMP_LTZ(3)",
    "timestamp_type": "STRING",
    "key": "STRING",
    "value": "STRING",
    "headers": "STRING",
}

_TYPES = {Kind.BOOLEAN: "BOOLEAN", Kind.INTEGER: "BIGINT", Kind.NUMBER: "DOUBLE", Kind.TEXT: "STRING"}


def register_archive(environment: TableEnvironment, archive: Archive, query: Query) -> None:
    """Makes the sealed segments of an archive the table that a query reads."""
    check(query, archive)
    selects = []
    number = 0
    for format in ("raw", "json"):
        directories: dict[str, list[Segment]] = {}
        for segment in archive.of_format(format):
            directories.setdefault(segment.path.absolute().parent.as_uri(), []).append(segment)
        for directory, segments in directories.items():
            lines = f"{_LINES}_{number}"
            number += 1
            _register_lines(environment, lines, directory, segments)
            selects.append(_raw(lines, archive, query) if format == "raw" else _enveloped(lines, query))
    _register(environment, query, " UNION ALL ".join(selects))


def register_parquet(environment: TableEnvironment, path: str, query: Query) -> None:
    """Makes what ``archiver-analyze parquet`` wrote the table that a query reads."""
    columns = {**_PARTS, **{of.column: _TYPES[of.kind] for of in query.fields}}
    listed = ", ".join(f"{name(column)} {kind}" for column, kind in columns.items())
    with_options = options({"connector": "filesystem", "path": path, "format": "parquet"})
    environment.execute_sql(f"CREATE TEMPORARY TABLE {name(query.archive)} ({listed}) WITH ({with_options})")


def _register(environment: TableEnvironment, query: Query, select: str) -> None:
    environment.execute_sql(f"CREATE TEMPORARY VIEW {name(query.archive)} AS {select}")


def _register_lines(environment: TableEnvironment, lines: str, directory: str, segments: list[Segment]) -> None:
    """The lines of these files in a directory. A file that grows there has another name."""
    paths = (segment.path.absolute().as_posix() for segment in segments)
    with_options = options(
        {
            "connector": "filesystem",
            "path": directory,
            "format": "raw",
            "source.path.regex-pattern": any_of(paths),
        }
    )
    environment.execute_sql(f"CREATE TEMPORARY TABLE {name(lines)} (line STRING) WITH ({with_options})")


def _raw(lines: str, archive: Archive, query: Query) -> str:
    """Lines that are values alone."""
    parts = {part: f"CAST(NULL AS {kind})" for part, kind in _PARTS.items()}
    parts |= {"topic": literal(archive.topic), "value": "line"}
    return _select(parts, lines, query.fields)


def _enveloped(lines: str, query: Query) -> str:
    """Lines that are objects with all that a record has."""

    def scalar(part: str) -> str:
        return f"JSON_VALUE(line, '$.{part}')"

    def bytes_of(part: str) -> str:
        return f"COALESCE({text('line', [part])}, FROM_BASE64({scalar(part + '_base64')}))"

    parts = {
        "topic": scalar("topic"),
        "partition": f"CAST({scalar('partition')} AS INT)",
        "offset": f"CAST({scalar('offset')} AS BIGINT)",
        "timestamp": f"TO_TIMESTAMP_LTZ(CAST({scalar('timestamp')} AS BIGINT), 3)",
        "timestamp_type": scalar("timestamp_type"),
        "key": bytes_of("key"),
        "value": bytes_of("value"),
        "headers": "JSON_QUERY(line, '$.headers')",
    }
    return _select(parts, lines, query.fields)


def _select(parts: dict[str, str], lines: str, fields: list[Field]) -> str:
    columns = [f"{said} AS {name(column)}" for column, said in parts.items()]
    of_value = [f"{field('`value`', of)} AS {name(of.column)}" for of in fields]
    listed = ", ".join([*(name(column) for column in parts), *of_value])
    return f"SELECT {listed} FROM (SELECT {', '.join(columns)} FROM {name(lines)}) AS records"
