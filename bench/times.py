"""The timestamps that a topic's records may have."""

from datetime import UTC, datetime

# The data's own time, which stands in the records.
BEGAN = datetime(2025, 6, 1)
BEGAN_MS = int(BEGAN.replace(tzinfo=UTC).timestamp()) * 1000
RECORDS_PER_S = 10_000
# Of how many hours the timestamps of one topic are, each record of the next one.
HOURS = 200
# By the number of the record, in milliseconds since 1970; None where it is when it is produced.
TIMES = {
    "produced": None,
    "own": lambda i: BEGAN_MS + i * 1000 // RECORDS_PER_S,
    "hours": lambda i: BEGAN_MS + i % HOURS * 3_600_000,
}
