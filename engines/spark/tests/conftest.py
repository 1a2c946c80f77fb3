"""A session that all tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
from archiver_spark.session import session
from pyspark import SparkConf
from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    configuration = SparkConf().setMaster("local[1]").set("spark.ui.enabled", "false")
    configuration.set("spark.driver.host", "127.0.0.1").set("spark.driver.bindAddress", "127.0.0.1")
    engine = session("tests", configuration)
    yield engine
    engine.stop()
