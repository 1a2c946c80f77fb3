"""A session of Spark as emitted queries need it."""

from __future__ import annotations

from pyspark import SparkConf
from pyspark.sql import SparkSession

#: Without these a query would be refused, or would mean something else than where it was emitted.
SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    # responseTime isn't responsetime.
    "spark.sql.caseSensitive": "true",
    # Names in double quotes in what comes after --filter.
    "spark.sql.ansi.enabled": "true",
    "spark.sql.ansi.doubleQuotedIdentifiers": "true",
    # A field that is something else than its column is null, and the other fields of that value are not.
    "spark.sql.json.enablePartialResults": "true",
}


def session(name: str = "archiver-analyze", configuration: SparkConf | None = None) -> SparkSession:
    """The session that ``spark-submit`` gave, or one of its own, set up."""
    builder = SparkSession.Builder().appName(name)
    if configuration is not None:
        builder = builder.config(conf=configuration)
    spark = builder.getOrCreate()
    for key, value in SETTINGS.items():
        spark.conf.set(key, value)
    return spark
