"""Clusters by MLlib."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from archiver_engines.model import Group, Model, Scaling
from archiver_spark.clusters import centres, read
from pyspark.sql import SparkSession

#: Two clusters of each app, around 10 and 20, or 1000 and 2000; and rows that are left out.
ROWS = [
    *({"app": "a", "ms": at + off, "n": "1"} for at in (10, 20) for off in (-1.0, 0.0, 1.0)),
    *({"app": None, "ms": at + off, "n": "2"} for at in (1000, 2000) for off in (-1.0, 1.0)),
    {"app": "a", "ms": None, "n": "1"},
    {"app": "a", "ms": 1e150, "n": "1"},
    {"app": "a", "ms": 15.0, "n": "no number"},
    {"app": "a", "ms": -5.0, "n": "1"},
]


def group(app: str | None, mean: float, initial: tuple[float, float]) -> Group:
    scaling = (Scaling(mean, 2.0), Scaling(0.0, 1.0))
    places = tuple((place, 1.0) for place in initial)
    return Group(by=(app,), scaling=scaling, initial=places, centres=())


def test_centres_are_the_means_of_their_rows(spark: SparkSession, tmp_path: Path) -> None:
    file = tmp_path / "rows.ndjson"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    groups = (group("a", 14.0, (-3.0, 3.5)), group(None, 1500.0, (-100.0, 100.0)))
    model = Model(features=("ms", "n"), by=("app",), filter="ms > 0", groups=groups)
    rows = read(spark, str(file))
    found = [sorted(centres(rows, model, group)) for group in groups]
    assert [centre[0] for centre in found[0]] == pytest.approx([-2.0, 3.0], abs=1e-12)
    assert found[1] == [pytest.approx([-250.0, 2.0]), pytest.approx([250.0, 2.0])]
