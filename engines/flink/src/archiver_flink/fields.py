"""Fields of JSON values as expressions of SQL.

Flink's JSON format takes the text "12" for the number 12. ``JSON_QUERY … WITH WRAPPER`` doesn't: it says ``["12"]`` of one and
``[12]`` of the other, and nothing of ``null``, of what isn't there, and of what is no JSON.
"""

from __future__ import annotations

from collections.abc import Sequence

from archiver_engines.query import Field, Kind

from archiver_flink.text import literal

_WHOLE = r"^\[(-?[0-9]+)\]$"
_NUMBER = r"^\[(-?[0-9][-+.eE0-9]*)\]$"
_BOOLEAN = r"^\[(true|false)\]$"


def path(names: Sequence[str]) -> str:
    """A path of JSON, as a literal."""
    steps = "".join("['" + step.replace("\\", "\\\\").replace("'", "\\'") + "']" for step in names)
    return literal("$" + steps)


def text(document: str, names: Sequence[str]) -> str:
    """The text of a string, or whatever else is there as it stands."""
    wrapped = _wrapped(document, names)
    inside = f"SUBSTRING({wrapped} FROM 2 FOR CHAR_LENGTH({wrapped}) - 2)"
    return f"CASE WHEN {wrapped} LIKE '[\"%' THEN JSON_VALUE({document}, {path(names)}) ELSE {inside} END"


def field(document: str, of: Field) -> str:
    """A field as what its column holds; null where it is something else."""
    if of.kind is Kind.TEXT:
        return text(document, of.path)
    pattern, kind = {
        Kind.INTEGER: (_WHOLE, "BIGINT"),
        Kind.NUMBER: (_NUMBER, "DOUBLE"),
        Kind.BOOLEAN: (_BOOLEAN, "BOOLEAN"),
    }[of.kind]
    return f"TRY_CAST(REGEXP_EXTRACT({_wrapped(document, of.path)}, {literal(pattern)}, 1) AS {kind})"


def _wrapped(document: str, names: Sequence[str]) -> str:
    return f"JSON_QUERY({document}, {path(names)} WITH WRAPPER)"
