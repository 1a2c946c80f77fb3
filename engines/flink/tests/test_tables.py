"""Archives as tables of Flink."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from archiver_engines.manifest import Archive, Segment
from archiver_engines.query import Field, Kind, Query
from archiver_flink.environment import batch
from archiver_flink.output import write
from archiver_flink.tables import register_archive

FIELDS = [
    Field("n", ("n",), Kind.INTEGER),
    Field("x", ("x",), Kind.NUMBER),
    Field("m.t", ("m", "t"), Kind.TEXT),
    Field("it's", ("it's",), Kind.BOOLEAN),
]
VALUES = [
    '{"n":1,"x":1,"m":{"t":"\u00e4\\n"},"it\'s":true}',
    '{"n":"1","x":2.5,"m":"text","it\'s":"true"}',
    '{"n":1.5,"x":null}',
    "no JSON",
]
EXPECTED = [
    (1, 1.0, "\u00e4\n", True),
    (None, 2.5, None, None),
    (None, None, None, None),
    (None, None, None, None),
]


def query(sql: str, time: str = "n") -> Query:
    return Query(dialect="Flink", archive="a.b", time=time, event_ms="", fields=FIELDS, sql=sql)


def archive(path: Path, format: str, lines: list[str]) -> Archive:
    file = path / "s.ndjson.gz"
    file.write_bytes(gzip.compress("".join(line + "\n" for line in lines).encode()))
    (path / "s.ndjson.gz.part").write_bytes(b"a file that grows beside it")
    segments = [Segment(path=file, format=format, compression="gzip", size=file.stat().st_size)]
    return Archive(name="a.b", topic="t", segments=segments)


def test_a_field_that_is_something_else_is_null_and_the_others_are_not(tmp_path: Path) -> None:
    asked = query("SELECT n, x, `m.t`, `it's` FROM `a.b`")
    environment = batch()
    register_archive(environment, archive(tmp_path, "raw", VALUES), asked)
    with environment.sql_query(asked.sql).execute().collect() as rows:
        assert sorted(map(tuple, rows), key=str) == sorted(EXPECTED, key=str)


def test_an_envelope_has_the_parts_of_its_record(tmp_path: Path) -> None:
    lines = [
        json.dumps({"topic": "t", "partition": 1, "offset": 7, "timestamp": 1500, "key_base64": "aw==", "value": value})
        for value in [VALUES[0], json.loads(VALUES[0])]
    ]
    asked = query("SELECT `offset`, EXTRACT(EPOCH FROM `timestamp`), `key`, n, `m.t` FROM `a.b`", time="timestamp")
    environment = batch()
    register_archive(environment, archive(tmp_path, "json", lines), asked)
    with environment.sql_query(asked.sql).execute().collect() as rows:
        assert [tuple(row) for row in rows] == [(7, 1, "k", 1, "\u00e4\n")] * 2


def test_an_answer_is_written_as_a_directory(tmp_path: Path) -> None:
    answer = batch().sql_query("SELECT 1 AS a, CAST(NULL AS BIGINT) AS b")
    write(answer, str(tmp_path / "out"), "ndjson")
    files = [file for file in (tmp_path / "out").rglob("*") if file.is_file()]
    assert [json.loads(file.read_text()) for file in files] == [{"a": 1, "b": None}]
