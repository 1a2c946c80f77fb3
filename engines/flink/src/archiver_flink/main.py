"""The command: a query that was emitted, over an archive or its Parquet into a directory, or live from Kafka."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from archiver_engines.manifest import ArchiveError, load, state_directory
from archiver_engines.query import QueryError, parse
from pyflink.table import Table

from archiver_flink.environment import batch, streaming
from archiver_flink.live import DIALECT, Topic, register_topic
from archiver_flink.output import FORMATS, write
from archiver_flink.tables import register_archive, register_parquet


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="archiver-flink", description=__doc__)
    parser.add_argument("query", type=Path, help="what archiver-analyze … --emit flink (or flink-live) printed")
    parser.add_argument("--analysis", metavar="NAME", help="which of those that archiver-analyze run --emit printed")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--archive", type=Path, metavar="DIR", help="a state directory, or the directory with .archiver in it")
    source.add_argument("--parquet", metavar="DIR", help="what archiver-analyze parquet wrote")
    source.add_argument("--kafka", metavar="HOST:PORT", help="brokers: live, of what was emitted for flink-live")
    parser.add_argument("--files", type=Path, metavar="DIR", help="the directory of the archive's files, if they were moved")
    parser.add_argument("--topic", help="with --kafka: its topic")
    parser.add_argument("--lateness", type=int, default=10_000, metavar="MS", help="with --kafka: how late a record may be")
    parser.add_argument("--idle", type=int, default=30_000, metavar="MS", help="with --kafka: when no partition is waited for")
    parser.add_argument("--until-now", action="store_true", help="with --kafka: end with what is there now")
    parser.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help="with --kafka: of the connector")
    parser.add_argument("-o", "--output", metavar="DIR", help="files, instead of lines on standard output")
    parser.add_argument("--format", choices=sorted(FORMATS), default="ndjson")
    parser.add_argument("--jar", action="append", default=[], type=Path, metavar="FILE", help="a connector or format")
    arguments = parser.parse_args()
    if arguments.kafka is not None and arguments.topic is None:
        parser.error("--kafka needs --topic")
    return arguments


def _answer(arguments: argparse.Namespace) -> Table:
    """What the query gives, or will give."""
    text = arguments.query.read_text(encoding="utf-8")
    if arguments.kafka is not None:
        query = parse(text, DIALECT, arguments.analysis)
        environment = streaming(arguments.jar)
        topic = Topic(
            bootstrap=arguments.kafka,
            name=arguments.topic,
            lateness_ms=arguments.lateness,
            idle_ms=arguments.idle,
            ends=arguments.until_now,
            options=dict(option.split("=", 1) for option in arguments.option),
        )
        register_topic(environment, topic, query)
        return environment.sql_query(query.sql)
    query = parse(text, "Flink", arguments.analysis)
    environment = batch(arguments.jar)
    if arguments.parquet is not None:
        register_parquet(environment, arguments.parquet, query)
    else:
        archive = load(state_directory(arguments.archive, query.archive), arguments.files)
        register_archive(environment, archive, query)
    return environment.sql_query(query.sql)


def _print(answer: Table) -> None:
    """A line for each row, as it comes."""
    names = answer.get_schema().get_field_names()
    with answer.execute().collect() as rows:
        for row in rows:
            print(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False), flush=True)


def main() -> int:
    """Runs it; 1 if it can't."""
    arguments = _arguments()
    try:
        answer = _answer(arguments)
        if arguments.output is None:
            _print(answer)
        else:
            write(answer, arguments.output, arguments.format)
    except (ArchiveError, QueryError, OSError) as error:
        print(f"archiver-flink: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
