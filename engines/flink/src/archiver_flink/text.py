"""Names and texts as Flink's SQL takes them."""

from __future__ import annotations

import re
from collections.abc import Iterable


def name(of: str) -> str:
    """A name, whatever stands in it."""
    return "`" + of.replace("`", "``") + "`"


def literal(of: str) -> str:
    """A text, whatever stands in it."""
    return "'" + of.replace("'", "''") + "'"


def options(of: dict[str, str]) -> str:
    """The options of a table."""
    return ", ".join(f"{literal(key)} = {literal(value)}" for key, value in of.items())


def any_of(paths: Iterable[str]) -> str:
    """A regular expression of Java's that these are all of."""
    return "|".join(re.escape(path) for path in paths)
