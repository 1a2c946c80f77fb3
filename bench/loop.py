"""The loop that archiver replaces, as people write it: poll a record, write a line, flush every second.

Run with the Python of the venv:  loop.py BOOTSTRAP TOPIC FILE COUNT
"""

import sys
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition


def main(bootstrap, topic, path, count):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "loop", "enable.auto.commit": False})
    # Assigned, not subscribed: joining a group would only add its wait to the start.
    partitions = consumer.list_topics(topic).topics[topic].partitions
    consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in partitions])
    flushed = time.monotonic()
    written = 0
    with open(path, "ab") as file:
        while written < count:
            message = consumer.poll(1.0)
            if message is not None:
                if message.error():
                    raise SystemExit(str(message.error()))
                file.write(message.value() + b"\n")
                written += 1
            if time.monotonic() - flushed >= 1.0:
                file.flush()
                flushed = time.monotonic()
    consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]))
