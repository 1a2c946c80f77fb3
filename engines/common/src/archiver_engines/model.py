"""Models of clusters as ``archiver-analyze train`` writes them: what others need to begin with the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: What a file is that holds a model, and the format that is known here.
KIND = "archiver-analyze model"
FORMAT = 1

#: What is further from 0 isn't learned from.
LARGEST = 1e140


class ModelError(Exception):
    """A model can't be used, and why."""


@dataclass(frozen=True)
class Scaling:
    """How a feature is scaled: the mean is taken off, and the rest is divided by the scale."""

    mean: float
    scale: float


@dataclass(frozen=True)
class Group:
    """What was learned of a group: centres in the units of the scaling."""

    #: The values of the fields by which rows are told apart, as text.
    by: tuple[str | None, ...]
    scaling: tuple[Scaling, ...]
    initial: tuple[tuple[float, ...], ...]
    centres: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Model:
    """A model of clusters."""

    features: tuple[str, ...]
    by: tuple[str, ...]
    #: Only rows of which this holds were learned from, in SQL.
    filter: str | None
    groups: tuple[Group, ...]


def load(path: Path) -> Model:
    """Reads a model."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path} is no model: {error}") from error
    if not isinstance(said, dict) or said.get("kind") != KIND:
        raise ModelError(f"{path} is no model; archiver-analyze train writes one")
    if said["format"] > FORMAT:
        raise ModelError(f"{path} is of format {said['format']}, and formats up to {FORMAT} are known here")
    if said["method"] != "kmeans":
        raise ModelError(f"{path} was learned by {said['method']}, and only kmeans is known here")
    return Model(
        features=tuple(said["features"]),
        by=tuple(said["by"]),
        filter=said["filter"],
        groups=tuple(_group(group["by"], group["learned"]["kmeans"]) for group in said["groups"]),
    )


def _group(by: list[str | None], said: dict[str, Any]) -> Group:
    def places(name: str) -> tuple[tuple[float, ...], ...]:
        return tuple(tuple(place) for place in said[name])

    scaling = tuple(Scaling(mean=feature["mean"], scale=feature["scale"]) for feature in said["scaling"])
    return Group(by=tuple(by), scaling=scaling, initial=places("initial"), centres=places("centres"))
