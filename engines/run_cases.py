"""Runs queries that were emitted for an engine, all of them in one session: each CASES/*.ENGINE.sql to *.ENGINE.ndjson.

The archives that they read are those beside CASES.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from archiver_engines.manifest import load, state_directory
from archiver_engines.query import parse

Rows = Iterable[dict[str, Any]]


def duckdb(root: Path) -> Callable[[str], Rows]:
    """DuckDB reads what the built-in engine wrote as Parquet."""
    import duckdb as engine

    connection = engine.connect()
    connection.execute("SET TimeZone = 'UTC'")

    def run(sql: str) -> Rows:
        query = parse(sql, "DuckDB")
        file = root / f"{query.archive}.parquet"
        connection.execute(f"CREATE OR REPLACE VIEW \"{query.archive}\" AS SELECT * FROM read_parquet('{file}')")
        answer = connection.execute(query.sql)
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    return run


def spark(root: Path) -> Callable[[str], Rows]:
    """Spark reads the sealed segments, with two executors that are processes of their own."""
    from archiver_spark.session import session
    from archiver_spark.tables import register_archive
    from pyspark import SparkConf

    # Nobody else on the network has anything to do with it.
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    configuration = SparkConf().setMaster("local-cluster[2,1,1024]").set("spark.driver.host", "127.0.0.1")
    configuration.set("spark.ui.enabled", "false").set("spark.sql.shuffle.partitions", "3")
    configuration.set("spark.ui.showConsoleProgress", "false")
    engine = session("compare", configuration)

    def run(sql: str) -> Rows:
        query = parse(sql, "Spark")
        archive = load(state_directory(root / query.archive))
        register_archive(engine, archive, query)
        answer = engine.sql(query.sql)
        return [dict(zip(answer.columns, row, strict=True)) for row in answer.collect()]

    return run


def flink(root: Path) -> Callable[[str], Rows]:
    """Flink reads the sealed segments as tables that end."""
    from archiver_flink.environment import batch
    from archiver_flink.tables import register_archive

    def run(sql: str) -> Rows:
        query = parse(sql, "Flink")
        archive = load(state_directory(root / query.archive))
        environment = batch()
        environment.get_config().set("parallelism.default", "2")
        register_archive(environment, archive, query)
        answer = environment.sql_query(query.sql)
        names = answer.get_schema().get_field_names()
        with answer.execute().collect() as rows:
            return [dict(zip(names, row, strict=True)) for row in rows]

    return run


def main(engine: str, cases: Path) -> None:
    """Runs all that there is for an engine."""
    run = {"duckdb": duckdb, "spark": spark, "flink": flink}[engine](cases.parent)
    for file in sorted(cases.glob(f"*.{engine}.sql")):
        rows = run(file.read_text(encoding="utf-8"))
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        file.with_suffix(".ndjson").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
