"""Runs queries that were emitted for an engine, all of them in one session: each CASES/*.ENGINE.sql to *.ENGINE.ndjson.

The archives that they read are those beside CASES.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from archiver_engines.manifest import load, state_directory
from archiver_engines.query import parse

#: Runs a query, and writes its rows to a file.
Run = Callable[[str, Path], None]


def duckdb(root: Path) -> Run:
    """DuckDB reads what the built-in engine wrote as Parquet."""
    import duckdb as engine

    connection = engine.connect()
    connection.execute("SET TimeZone = 'UTC'")

    def run(sql: str, file: Path) -> None:
        query = parse(sql, "DuckDB")
        parquet = root / f"{query.archive}.parquet"
        connection.execute(f"CREATE OR REPLACE VIEW \"{query.archive}\" AS SELECT * FROM read_parquet('{parquet}')")
        answer = connection.execute(query.sql)
        names = [column[0] for column in answer.description]
        rows = (dict(zip(names, row, strict=True)) for row in answer.fetchall())
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    return run


def spark(root: Path) -> Run:
    """Spark reads the sealed segments, with two executors that are processes of their own."""
    from archiver_spark.output import write
    from archiver_spark.session import session
    from archiver_spark.tables import register_archive
    from pyspark import SparkConf

    # Nobody else on the network has anything to do with it.
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    configuration = SparkConf().setMaster("local-cluster[2,1,1024]").set("spark.driver.host", "127.0.0.1")
    configuration.set("spark.ui.enabled", "false").set("spark.sql.shuffle.partitions", "3")
    configuration.set("spark.ui.showConsoleProgress", "false")
    engine = session("compare", configuration)

    def run(sql: str, file: Path) -> None:
        query = parse(sql, "Spark")
        archive = load(state_directory(root / query.archive))
        register_archive(engine, archive, query)
        written = file.with_suffix(".parts")
        write(engine.sql(query.sql), str(written), "ndjson")
        _join(written, file)

    return run


def flink(root: Path) -> Run:
    """Flink reads the sealed segments as tables that end."""
    from archiver_flink.environment import batch
    from archiver_flink.output import write
    from archiver_flink.tables import register_archive

    def run(sql: str, file: Path) -> None:
        query = parse(sql, "Flink")
        archive = load(state_directory(root / query.archive))
        environment = batch()
        environment.get_config().set("parallelism.default", "2")
        register_archive(environment, archive, query)
        written = file.with_suffix(".parts")
        write(environment.sql_query(query.sql), str(written), "ndjson")
        _join(written, file)

    return run


def _join(parts: Path, file: Path) -> None:
    """The files of an answer as one."""
    lines = (part.read_bytes() for part in sorted(parts.rglob("part-*")) if part.is_file())
    file.write_bytes(b"".join(lines))


def main(engine: str, cases: Path) -> None:
    """Runs all that there is for an engine."""
    run = {"duckdb": duckdb, "spark": spark, "flink": flink}[engine](cases.parent)
    for file in sorted(cases.glob(f"*.{engine}.sql")):
        run(file.read_text(encoding="utf-8"), file.with_suffix(".ndjson"))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
