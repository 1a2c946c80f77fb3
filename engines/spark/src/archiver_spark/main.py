"""The command: a query that was emitted, over an archive or its Parquet, into a directory."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from archiver_engines.manifest import ArchiveError, load, state_directory
from archiver_engines.query import QueryError, parse

from archiver_spark.output import FORMATS, write
from archiver_spark.session import session
from archiver_spark.tables import register_archive, register_parquet


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="archiver-spark", description=__doc__)
    parser.add_argument("query", type=Path, help="what archiver-analyze … --emit spark printed")
    parser.add_argument("--analysis", metavar="NAME", help="which of those that archiver-analyze run --emit printed")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--archive", type=Path, metavar="DIR", help="a state directory, or the directory with .archiver in it")
    source.add_argument("--parquet", metavar="DIR", help="what archiver-analyze parquet wrote")
    parser.add_argument("--files", type=Path, metavar="DIR", help="the directory of the archive's files, if they were moved")
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="a directory that isn't there yet")
    parser.add_argument("--format", choices=FORMATS, default="parquet")
    return parser.parse_args()


def main() -> int:
    """Runs it; 1 if it can't."""
    arguments = _arguments()
    try:
        query = parse(arguments.query.read_text(encoding="utf-8"), "Spark", arguments.analysis)
        spark = session()
        if arguments.parquet is not None:
            register_parquet(spark, arguments.parquet, query)
        else:
            archive = load(state_directory(arguments.archive, query.archive), arguments.files)
            register_archive(spark, archive, query)
        write(spark.sql(query.sql), arguments.output, arguments.format)
    except (ArchiveError, QueryError, OSError) as error:
        print(f"archiver-spark: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
