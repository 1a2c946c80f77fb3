"""What people write to replay a file: send a row, sleep for the pause, send the next one.

Run with the Python of the venv:  sleeps.py BOOTSTRAP TOPIC FILE
"""

import json
import sys
import time

from confluent_kafka import Producer


def main(bootstrap, topic, file):
    producer = Producer({"bootstrap.servers": bootstrap})
    before = None
    with open(file) as lines:
        for line in lines:
            now = json.loads(line)["ts"]
            if before is not None:
                time.sleep((now - before) / 1e6)
            before = now
            producer.produce(topic, line.rstrip())
            producer.poll(0)
    producer.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
