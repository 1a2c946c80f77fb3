"""Archives as tables of Spark."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from archiver_engines.manifest import Archive, Segment
from archiver_engines.query import Field, Kind, Query, QueryError
from archiver_spark.output import write
from archiver_spark.tables import register_archive
from pyspark.sql import SparkSession

FIELDS = [
    Field("n", ("n",), Kind.INTEGER),
    Field("x", ("x",), Kind.NUMBER),
    Field("m.t", ("m", "t"), Kind.TEXT),
    Field("m", ("m",), Kind.TEXT),
]


def query(sql: str, time: str = "n") -> Query:
    return Query(dialect="Spark", archive="a.b", time=time, event_ms="", fields=FIELDS, sql=sql)


def archive(path: Path, format: str, lines: list[str]) -> Archive:
    file = path / "s.ndjson.gz"
    file.write_bytes(gzip.compress("".join(line + "\n" for line in lines).encode()))
    segments = [Segment(path=file, format=format, compression="gzip", size=file.stat().st_size)]
    return Archive(name="a.b", topic="t", segments=segments)


VALUES = [
    '{"n":1,"x":1,"m":{"t":"\u00e4\\n"}}',
    '{"n":"1","x":2.5,"m":"text"}',
    '{"n":1.5,"x":null}',
    "no JSON",
    "",
]
EXPECTED = [
    (1, 1.0, "\u00e4\n", '{"t":"\u00e4\\n"}'),
    (None, 2.5, None, "text"),
    (None, None, None, None),
    (None, None, None, None),
    (None, None, None, None),
]


def test_a_field_that_is_something_else_is_null_and_the_others_are_not(spark: SparkSession, tmp_path: Path) -> None:
    asked = query("SELECT n, x, `m.t`, m FROM `a.b`")
    register_archive(spark, archive(tmp_path, "raw", VALUES), asked)
    assert [tuple(row) for row in spark.sql(asked.sql).collect()] == EXPECTED


def test_an_envelope_has_the_parts_of_its_record(spark: SparkSession, tmp_path: Path) -> None:
    lines = [
        json.dumps({"topic": "t", "partition": 1, "offset": 7, "timestamp": 1500, "key_base64": "aw==", "value": value})
        for value in VALUES
    ]
    asked = query('SELECT "offset", unix_millis(timestamp) AS ms, key, n FROM "a.b"', time="timestamp")
    register_archive(spark, archive(tmp_path, "json", lines), asked)
    rows = [tuple(row) for row in spark.sql(asked.sql).collect()]
    assert rows[0] == (7, 1500, "k", 1)
    assert [row[3] for row in rows] == [row[0] for row in EXPECTED]


def test_raw_lines_have_no_timestamp_to_go_by(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="name a field with --time"):
        register_archive(spark, archive(tmp_path, "raw", VALUES), query("", time="timestamp"))


@pytest.mark.parametrize("format", ["parquet", "csv", "ndjson"])
def test_an_answer_is_written_as_a_directory(spark: SparkSession, tmp_path: Path, format: str) -> None:
    write(spark.sql("SELECT 1 AS a, CAST(NULL AS BIGINT) AS b"), str(tmp_path / "out"), format)
    assert list((tmp_path / "out").glob("part-*"))
