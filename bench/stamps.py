"""How late records were, by the broker's stamps on topics with LogAppendTime.

Run with the Python of the venv:  stamps.py BOOTSTRAP START_MS SPEED FIRST_US TOPIC…
Each record says in "ts" when it was, in microseconds. Prints the lateness in milliseconds as JSON: p50, p99 and most, of
all and of the p99 of the first and the last tenth.
"""

import json
import re
import sys
import time

from confluent_kafka import Consumer, TopicPartition
from produce import CALL_TIMEOUT_S

SILENT_S = 20
TS = re.compile(rb'"ts":(\d+)')


def main(bootstrap, start_ms, speed, first_us, *topics):
    start_ms, speed, first_us = float(start_ms), float(speed), int(first_us)
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "stamps", "log_level": 3})
    ends = {topic: consumer.get_watermark_offsets(TopicPartition(topic, 0), CALL_TIMEOUT_S)[1] for topic in topics}
    consumer.assign([TopicPartition(topic, 0, 0) for topic in topics])
    left, found, deadline = sum(ends.values()), [], time.monotonic() + SILENT_S
    while left > 0 and time.monotonic() < deadline:
        for message in consumer.consume(10_000, 1.0):
            deadline = time.monotonic() + SILENT_S
            left -= 1
            us = int(TS.search(message.value()).group(1))
            due_ms = (us - first_us) / speed / 1000
            found.append((due_ms, message.timestamp()[1] - start_ms - due_ms))
    if left:
        sys.exit(f"{left} records could not be read")
    found.sort()
    late = [ms for _, ms in found]
    tenth = len(late) // 10
    print(json.dumps({
        "records": len(late),
        "p50_ms": percentile(late, 50),
        "p99_ms": percentile(late, 99),
        "max_ms": max(late),
        "first_p99_ms": percentile(late[:tenth], 99),
        "last_p99_ms": percentile(late[-tenth:], 99),
    }))  # fmt: skip


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


if __name__ == "__main__":
    main(*sys.argv[1:])
