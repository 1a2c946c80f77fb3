"""Environments of Flink's tables as emitted queries need them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pyflink.table import EnvironmentSettings, TableEnvironment


def batch(jars: Iterable[Path] = ()) -> TableEnvironment:
    """One for tables that end."""
    return _set_up(TableEnvironment.create(EnvironmentSettings.in_batch_mode()), jars)


def streaming(jars: Iterable[Path] = ()) -> TableEnvironment:
    """One for tables that don't."""
    environment = _set_up(TableEnvironment.create(EnvironmentSettings.in_streaming_mode()), jars)
    # Files are finished, and offsets are known to be done, with each checkpoint.
    environment.get_config().set("execution.checkpointing.interval", "10 s")
    return environment


def _set_up(environment: TableEnvironment, jars: Iterable[Path]) -> TableEnvironment:
    configuration = environment.get_config()
    # Times without a zone, and those that are read out of text, are in UTC.
    configuration.set_local_timezone("UTC")
    uris = [jar.absolute().as_uri() for jar in jars]
    if uris:
        configuration.set("pipeline.jars", ";".join(uris))
    return environment
