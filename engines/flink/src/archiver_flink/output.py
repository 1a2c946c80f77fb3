"""The answer, written: a directory of files, as Flink writes them."""

from __future__ import annotations

from pyflink.table import Schema, Table, TableDescriptor

#: Formats of files, and what Flink calls them. Parquet needs the jar flink-sql-parquet.
FORMATS = {"parquet": "parquet", "csv": "csv", "ndjson": "json"}


def write(answer: Table, path: str, format: str) -> None:
    """Writes an answer in one of ``FORMATS``, and waits for its end."""
    schema = Schema.new_builder().from_resolved_schema(answer.get_resolved_schema()).build()
    sink = TableDescriptor.for_connector("filesystem").schema(schema).option("path", path)
    answer.execute_insert(sink.format(FORMATS[format]).build()).wait()
