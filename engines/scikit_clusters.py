"""Clusters of rows by scikit-learn, from where those of a model began: what tests compare with. Prints as ``archiver_spark.clusters``.

Rows are lines of JSON, of which all were learned from.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy
from archiver_engines.model import Group, Model, load
from sklearn.cluster import KMeans


def centres(rows: list[dict[str, object]], model: Model, group: Group) -> list[list[float]]:
    """The centres that it comes to in the rows of a group."""
    mine = [row for row in rows if tuple(row.get(name) for name in model.by) == group.by]
    values = numpy.array([[row[name] for name in model.features] for row in mine], dtype=float)
    mean = numpy.array([scaling.mean for scaling in group.scaling])
    scale = numpy.array([scaling.scale for scaling in group.scaling])
    begun = numpy.array(group.initial)
    # Until no row changes its cluster.
    found = KMeans(len(begun), init=begun, n_init=1, algorithm="lloyd", tol=0, max_iter=300)
    return [list(map(float, centre)) for centre in found.fit((values - mean) / scale).cluster_centers_]


def main(model_file: Path, rows_file: Path) -> None:
    model = load(model_file)
    rows = [json.loads(line) for line in rows_file.read_text(encoding="utf-8").splitlines()]
    for group in model.groups:
        print(json.dumps({"by": group.by, "centres": centres(rows, model, group)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
