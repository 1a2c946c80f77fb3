"""The command: clusters of rows by Spark's MLlib, from where those of a model began.

Prints for each group of the model a line of JSON: ``by``, and ``centres`` in the units of the model's scaling.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from functools import reduce
from operator import and_
from pathlib import Path

import numpy
from archiver_engines.model import LARGEST, Group, Model, ModelError, load
from pyspark.mllib.clustering import KMeans, KMeansModel
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as f

from archiver_spark.session import session

#: As in the embedded engine: to where centres stand still.
TOLERANCE = 1e-9
STEPS_MOST = 300


def read(spark: SparkSession, path: str) -> DataFrame:
    """Rows of a file or directory: lines of JSON by the ending of its name, else Parquet."""
    if path.endswith((".ndjson", ".jsonl", ".json")):
        return spark.read.json(path)
    return spark.read.parquet(path)


def centres(rows: DataFrame, model: Model, group: Group) -> list[list[float]]:
    """The centres that MLlib comes to in the rows of a group, from where those of the model began."""
    begun = KMeansModel([list(place) for place in group.initial])
    scaled = scaled_rows(rows, model, group).rdd.map(list).cache()
    try:
        found = KMeans.train(
            scaled, len(group.initial), maxIterations=STEPS_MOST, epsilon=TOLERANCE, initialModel=begun
        )
    finally:
        scaled.unpersist()
    return [numpy.asarray(centre).tolist() for centre in found.clusterCenters]


def scaled_rows(rows: DataFrame, model: Model, group: Group) -> DataFrame:
    """The features of a group's rows, scaled, without rows that the model left out."""
    if model.filter is not None:
        rows = rows.where(model.filter)
    of_group = [_is(_column(name).cast("string"), value) for name, value in zip(model.by, group.by, strict=True)]
    features = [_number(rows, name) for name in model.features]
    usable = [f.coalesce(f.abs(feature) <= LARGEST, f.lit(False)) for feature in features]
    scaled = [
        ((feature - scaling.mean) / scaling.scale).alias(f"feature_{number}")
        for number, (feature, scaling) in enumerate(zip(features, group.scaling, strict=True))
    ]
    return rows.where(reduce(and_, [*of_group, *usable])).select(*scaled)


def _column(name: str) -> Column:
    """A column, whatever stands in its name."""
    return f.col("`" + name.replace("`", "``") + "`")


def _is(column: Column, value: str | None) -> Column:
    return column.isNull() if value is None else column == value


def _number(rows: DataFrame, name: str) -> Column:
    """A feature: of text, what reads as a number."""
    is_text = dict(rows.dtypes).get(name) == "string"
    return _column(name).try_cast("double") if is_text else _column(name).cast("double")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="archiver-spark-clusters", description=__doc__)
    parser.add_argument("model", type=Path, help="what archiver-analyze train --method kmeans wrote")
    parser.add_argument("rows", help="the rows that it was learned from, as Parquet or NDJSON")
    return parser.parse_args()


def main() -> int:
    """Runs it; 1 if it can't."""
    arguments = _arguments()
    # Workers convert rows with NumPy: unless somebody says where they have it, it is where this has it.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        model = load(arguments.model)
        rows = read(session(), arguments.rows)
        for group in model.groups:
            print(json.dumps({"by": group.by, "centres": centres(rows, model, group)}))
    except (ModelError, OSError) as error:
        print(f"archiver-spark-clusters: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
