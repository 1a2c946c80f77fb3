"""Queries as they are emitted."""

from __future__ import annotations

import pytest
from archiver_engines.query import Field, Kind, QueryError, parse

HEADER = (
    '-- archiver-analyze {"dialect":"Spark","archive":"m","time":"ts","event_ms":"`ts`",'
    '"fields":[{"column":"m.n","path":["m","n"],"kind":"integer"}]}'
)


def test_a_query_says_what_it_reads() -> None:
    query = parse(f"{HEADER}\nSELECT 1\nFROM m\n", "Spark")
    assert query.sql == "SELECT 1\nFROM m"
    assert query.fields == [Field("m.n", ("m", "n"), Kind.INTEGER)]
    assert (query.archive, query.is_by_timestamp) == ("m", False)


def test_one_for_another_engine_is_refused() -> None:
    with pytest.raises(QueryError, match="emitted for Spark, not for Flink"):
        parse(f"{HEADER}\nSELECT 1", "Flink")


def test_one_that_nobody_emitted_is_refused() -> None:
    with pytest.raises(QueryError, match="let archiver-analyze emit"):
        parse("SELECT 1", "Spark")


def test_of_the_analyses_of_a_file_one_is_named() -> None:
    text = f"-- first\n{HEADER}\nSELECT 1;\n-- second\n{HEADER}\nSELECT 2;\n"
    assert parse(text, "Spark", "first").sql == "SELECT 1"
    assert parse(text, "Spark", "second").sql == "SELECT 2"
    with pytest.raises(QueryError, match="name one analysis; there is first, second"):
        parse(text, "Spark")
