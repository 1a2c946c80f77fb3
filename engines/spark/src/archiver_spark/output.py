"""The answer, written: a directory of files, as Spark writes them."""

from __future__ import annotations

from pyspark.sql import DataFrame

FORMATS = ("parquet", "csv", "ndjson")


def write(answer: DataFrame, path: str, format: str) -> None:
    """Writes an answer in one of ``FORMATS``; what is there already is refused by Spark."""
    writer = answer.write
    if format == "csv":
        writer.option("header", "true").csv(path)
    elif format == "ndjson":
        writer.option("ignoreNullFields", "false").json(path)
    else:
        writer.parquet(path)
