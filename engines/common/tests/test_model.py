"""Models as they are written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from archiver_engines.model import Group, ModelError, Scaling, load

MODEL = {
    "kind": "archiver-analyze model",
    "format": 1,
    "method": "kmeans",
    "features": ["ms"],
    "by": ["app"],
    "filter": None,
    "groups": [
        {
            "by": [None],
            "learned": {
                "kmeans": {"scaling": [{"mean": 1.5, "scale": 2.0}], "initial": [[0.1]], "centres": [[0.2]]},
            },
        }
    ],
}


def write(path: Path, changes: dict[str, object]) -> Path:
    file = path / "model.json"
    file.write_text(json.dumps({**MODEL, **changes}), encoding="utf-8")
    return file


def test_a_model_says_where_its_clusters_begin(tmp_path: Path) -> None:
    model = load(write(tmp_path, {}))
    assert (model.features, model.by, model.filter) == (("ms",), ("app",), None)
    assert model.groups == (Group((None,), (Scaling(1.5, 2.0),), ((0.1,),), ((0.2,),)),)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2}, "of format 2"),
        ({"method": "isolation-forest"}, "learned by isolation-forest"),
        ({"kind": "other"}, "no model"),
    ],
)
def test_what_is_not_known_is_refused(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        load(write(tmp_path, changes))


def test_what_is_no_json_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    file.write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match="no model"):
        load(file)
