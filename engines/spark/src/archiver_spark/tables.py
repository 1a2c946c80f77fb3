"""Archives as tables of Spark, with the columns that they have in ``archiver-analyze``."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from archiver_engines.manifest import Archive, Segment
from archiver_engines.query import Field, Kind, Query, check
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.types import (
    BooleanType,
    DataType,
    DoubleType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
)

_TYPES: dict[Kind, DataType] = {
    Kind.BOOLEAN: BooleanType(),
    Kind.INTEGER: LongType(),
    Kind.NUMBER: DoubleType(),
    Kind.TEXT: StringType(),
}

_ENVELOPE = StructType(
    [
        StructField("topic", StringType()),
        StructField("partition", IntegerType()),
        StructField("offset", LongType()),
        StructField("timestamp", LongType()),
        StructField("timestamp_type", StringType()),
        StructField("key", StringType()),
        StructField("key_base64", StringType()),
        StructField("value", StringType()),
        StructField("value_base64", StringType()),
        StructField("headers", StringType()),
    ]
)

#: What RFC 8259 doesn't know isn't JSON.
_JSON = {
    "mode": "PERMISSIVE",
    "allowSingleQuotes": "false",
    "allowNonNumericNumbers": "false",
}


def register_archive(spark: SparkSession, archive: Archive, query: Query) -> None:
    """Makes the sealed segments of an archive the table that a query reads."""
    check(query, archive)
    parts = []
    raw, envelopes = archive.of_format("raw"), archive.of_format("json")
    if raw:
        values = _lines(spark, raw).select(f.col("line").alias("value"))
        parts.append(values.withColumn("topic", f.lit(archive.topic)))
    if envelopes:
        parts.append(_records(_lines(spark, envelopes)))
    records = reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), parts)
    _register(with_fields(records, query.fields), query)


def register_parquet(spark: SparkSession, path: str, query: Query) -> None:
    """Makes what ``archiver-analyze parquet`` wrote the table that a query reads."""
    table = spark.read.option("mergeSchema", "true").parquet(path)
    _register(table, query)


def _register(table: DataFrame, query: Query) -> None:
    table.createOrReplaceTempView("`" + query.archive.replace("`", "``") + "`")


def _lines(spark: SparkSession, segments: Iterable[Segment]) -> DataFrame:
    paths = [segment.path.absolute().as_uri() for segment in segments]
    # A line ends with a newline alone: a carriage return may stand in a value.
    return spark.read.option("lineSep", "\n").text(paths).withColumnRenamed("value", "line")


def _records(lines: DataFrame) -> DataFrame:
    parsed = lines.select(f.from_json("line", _ENVELOPE, _JSON).alias("record")).select("record.*")
    def text(name: str) -> Column:
        return f.coalesce(f.col(name), f.unbase64(f.col(name + "_base64")).cast("string")).alias(name)
    return parsed.select(
        "topic",
        "partition",
        "offset",
        f.timestamp_millis(f.col("timestamp")).alias("timestamp"),
        "timestamp_type",
        text("key"),
        text("value"),
        "headers",
    )


def with_fields(records: DataFrame, fields: list[Field]) -> DataFrame:
    """The fields of values as columns behind the parts of a record."""
    columns: list[Column] = []
    for number, (schema, held) in enumerate(schemas(fields)):
        parsed = f"parsed.{number}"
        records = records.withColumn(parsed, f.from_json("value", schema, _JSON))
        for field in held:
            place: Column = f.col(f"`{parsed}`")
            for name in field.path:
                place = place.getField(name)
            columns.append(place.alias(field.column))
    parts = [f.col(f"`{name}`") for name in records.columns if not name.startswith("parsed.")]
    return records.select(*parts, *columns)


def schemas(fields: list[Field]) -> list[tuple[StructType, list[Field]]]:
    """Schemas that hold all fields: more than one where a field is an object in some records and none in others."""
    found: list[tuple[StructType, list[Field]]] = []
    for field in fields:
        for schema, held in found:
            if not any(_conflict(field.path, other.path) for other in held):
                _add(schema, field.path, _TYPES[field.kind])
                held.append(field)
                break
        else:
            schema = StructType([])
            _add(schema, field.path, _TYPES[field.kind])
            found.append((schema, [field]))
    return found


def _conflict(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _add(schema: StructType, path: tuple[str, ...], kind: DataType) -> None:
    name, inside = path[0], path[1:]
    if not inside:
        schema.add(name, kind)
        return
    if name not in schema.names:
        schema.add(name, StructType([]))
    held = schema[name].dataType
    assert isinstance(held, StructType)
    _add(held, inside, kind)
