"""Runs what ``archiver-analyze … --emit flink`` or ``flink-live`` prints: ``fields`` of JSON values, ``tables`` of archives and
of their Parquet, ``live`` from Kafka, ``output`` of the answer, ``main`` the command.
"""
