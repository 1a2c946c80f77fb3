"""A topic of Kafka as a table of Flink that grows, with the windows of its watermark.

It needs the jar flink-sql-connector-kafka. The watermark is taken of each partition, behind the connector.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from archiver_engines.query import Query
from pyflink.table import TableEnvironment

from archiver_flink import fields
from archiver_flink.text import name, options

#: For what was emitted the dialect is called this.
DIALECT = "Flink, live"

#: A record without a time gets this one, which is before all others and so moves no watermark: in the year 1.
_NO_TIME = "TO_TIMESTAMP_LTZ(-62135596800000, 3)"


@dataclass(frozen=True)
class Topic:
    """Where records come from."""

    bootstrap: str
    name: str
    #: By so much a record may come later than one with a later time, in milliseconds.
    lateness_ms: int = 10_000
    #: A partition without records holds up no window for longer than this, in milliseconds.
    idle_ms: int = 30_000
    #: Ends with what is there now, instead of going on with what comes.
    ends: bool = False
    #: More options of the connector, such as ``properties.security.protocol``.
    options: dict[str, str] = field(default_factory=dict)


def register_topic(environment: TableEnvironment, topic: Topic, query: Query) -> None:
    """Makes a topic the table that a query reads."""
    said = {of.column: fields.field("`value`", of) for of in query.fields}
    event_ms = query.event_ms
    if query.time in said:
        # A computed column can't be said by another one.
        event_ms = event_ms.replace(name(query.time), f"({said[query.time]})")
    computed = [f"{name(column)} AS {expression}" for column, expression in said.items()]
    columns = [
        "`topic` STRING METADATA VIRTUAL",
        "`partition` INT METADATA VIRTUAL",
        "`offset` BIGINT METADATA VIRTUAL",
        "`timestamp` TIMESTAMP_LTZ(3) METADATA VIRTUAL",
        "`timestamp_type` STRING METADATA FROM 'timestamp-type' VIRTUAL",
        "`key` STRING",
        "`value` STRING",
        *computed,
        f"archiver_ms AS {event_ms}",
        f"archiver_time AS {_time(event_ms)}",
        f"WATERMARK FOR archiver_time AS {_time(f'({event_ms}) - {topic.lateness_ms}')}",
    ]
    with_options = {
        "connector": "kafka",
        "topic": topic.name,
        "properties.bootstrap.servers": topic.bootstrap,
        "scan.startup.mode": "earliest-offset",
        "scan.watermark.idle-timeout": f"{topic.idle_ms} ms",
        "key.format": "raw",
        "key.fields": "key",
        "value.format": "raw",
        "value.fields-include": "EXCEPT_KEY",
        **({"scan.bounded.mode": "latest-offset"} if topic.ends else {}),
        **topic.options,
    }
    listed = ", ".join(columns)
    environment.execute_sql(
        f"CREATE TEMPORARY TABLE {name(query.archive)} ({listed}) WITH ({options(with_options)})"
    )


def _time(ms: str) -> str:
    return f"COALESCE(TO_TIMESTAMP_LTZ({ms}, 3), {_NO_TIME})"
