"""Topics that live: made anew, written to while somebody reads, and dropped.

Run with the Python of the venv, with the names of the topics on standard input:
    send.py BOOTSTRAP make|drop
    send.py BOOTSTRAP send RATE COUNT FIRST     COUNT records to each, numbered from FIRST, RATE a second in all
    send.py BOOTSTRAP metrics RATE COUNT FIRST  the same with records like the hot topic's, which don't say when
"""

import sys
import time

import produce
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from stamped import LINE_BYTES, PREFIX, RECORD_BYTES, line

TICK_S = 0.002


def make(bootstrap, topics):
    """Also removes what a driver that was killed left behind."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 3})
    known = admin.list_topics(timeout=produce.CALL_TIMEOUT_S).topics
    produce.drop(admin, [t for t in known if t.startswith(PREFIX)])
    produce.recreate(bootstrap, topics, 1, LINE_BYTES)


def drop(bootstrap, topics):
    produce.drop(AdminClient({"bootstrap.servers": bootstrap, "log_level": 3}), topics)


def send_metrics(bootstrap, topics, rate, count, first):
    lines = produce.Lines(RECORD_BYTES, seed=0)
    send(bootstrap, topics, rate, count, first, lambda _, number: lines.line(number))


def send(bootstrap, topics, rate, count, first, line=line):
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 1, "log_level": 3, "acks": "all"})
    # The first of each finds connections and leaders; the rate begins after it.
    for topic in topics:
        producer.produce(topic, line(time.time_ns(), first), partition=0)
    producer.flush(produce.CALL_TIMEOUT_S)
    began = time.monotonic() - len(topics) / rate
    sent, total = len(topics), count * len(topics)
    while sent < total:
        due = min(total, int((time.monotonic() - began) * rate) + 1)
        for i in range(sent, due):
            number, topic = divmod(i, len(topics))
            producer.produce(topics[topic], line(time.time_ns(), first + number), partition=0)
        sent = due
        producer.poll(0)
        time.sleep(TICK_S)
    if producer.flush(produce.CALL_TIMEOUT_S):
        sys.exit("records could not be delivered")


if __name__ == "__main__":
    bootstrap, action, *numbers = sys.argv[1:]
    actions = {"make": make, "drop": drop, "send": send, "metrics": send_metrics}
    actions[action](bootstrap, sys.stdin.read().split(), *map(int, numbers))
