"""Makes the benchmark's topics, or finds them as an earlier invocation left them.

Run with the Python of the venv:  produce.py BOOTSTRAP PARTITIONS RECORDS BYTES CODEC TIMES < names of topics
"""

import multiprocessing
import random
import sys
import time
from datetime import timedelta

import proc
from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec
from times import BEGAN, RECORDS_PER_S, TIMES

WORKERS = 2
CALL_TIMEOUT_S = 60
FLUSH_TIMEOUT_S = 300
LED_TIMEOUT_S = 300
CREATE_PARTITIONS_MAX = 2_000  # in one call: a controller refuses larger ones
PRODUCE_BATCH_RECORDS = 5_000
PRODUCE_BATCH_BYTES = 1_000_000
QUEUED_BYTES_MAX = 40_000_000
FIRST_SEQUENCE = 1_000_000_000  # ten digits, whatever is added to it
RECORD_BYTES_MIN = 90
REQUEST_OVERHEAD_BYTES = 100_000

SERVICES = ["checkout", "cart", "search", "catalogue", "payments", "session", "mail", "ranking"]
METRICS = ["http.server.duration", "db.client.latency", "queue.publish.time", "cache.lookup.time", "gc.pause"]
REGIONS = ["eu-central-1", "eu-west-3", "us-east-1", "ap-south-1"]


def main(bootstrap, partitions, records, record_bytes, codec, times):
    assert record_bytes >= RECORD_BYTES_MIN, f"a record has at least {RECORD_BYTES_MIN} bytes"
    topics = sys.stdin.read().split()
    wrong = wrong_topics(bootstrap, topics, partitions, records)
    if not wrong:
        return
    print(f"bench: producing {len(wrong) * records:,} records", file=sys.stderr, flush=True)
    recreate(bootstrap, wrong, partitions, record_bytes)
    jobs = [(bootstrap, wrong, partitions, records, record_bytes, codec, times, worker) for worker in range(WORKERS)]
    with multiprocessing.Pool(WORKERS, initializer=proc.die_with_parent) as pool:
        pool.starmap(produce, jobs)
    wrong = wrong_topics(bootstrap, topics, partitions, records)
    if wrong:
        sys.exit(f"topic {wrong[0]} does not hold what was produced")


def wrong_topics(bootstrap, topics, partitions, records):
    """The topics that are missing or hold anything but 0..n in one of their partitions."""
    known = AdminClient({"bootstrap.servers": bootstrap, "log_level": 3}).list_topics(timeout=CALL_TIMEOUT_S).topics
    there = [t for t in topics if t in known and len(known[t].partitions) == partitions]
    all_partitions = [(t, p) for t in there for p in range(partitions)]
    first = offsets(bootstrap, all_partitions, OffsetSpec.earliest())
    end = offsets(bootstrap, all_partitions, OffsetSpec.latest())
    good = set(there)
    for topic, partition in all_partitions:
        span = (first[topic, partition], end[topic, partition])
        if span != (0, share(records, partitions, partition)):
            good.discard(topic)
    return [t for t in topics if t not in good]


def offsets(bootstrap, partitions, spec):
    if not partitions:
        return {}
    request = {TopicPartition(t, p): spec for t, p in partitions}
    deadline = time.monotonic() + LED_TIMEOUT_S
    while True:
        try:
            # A client that was refused once goes on being refused.
            admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 3})
            asked = admin.list_offsets(request, request_timeout=CALL_TIMEOUT_S)
            return {(tp.topic, tp.partition): future.result().offset for tp, future in asked.items()}
        except KafkaException:
            # A broker that has just started leads its partitions a little later than it says.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def recreate(bootstrap, topics, partitions, record_bytes):
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 3})
    known = admin.list_topics(timeout=CALL_TIMEOUT_S).topics
    drop(admin, [t for t in topics if t in known])
    together = max(1, CREATE_PARTITIONS_MAX // partitions)
    for start in range(0, len(topics), together):
        config = {"max.message.bytes": str(max_message_bytes(record_bytes))}
        batch = [NewTopic(t, partitions, 1, config=config) for t in topics[start : start + together]]
        wait_all(admin.create_topics(batch, operation_timeout=CALL_TIMEOUT_S))
    # A broker says that they are there before it leads all of many partitions.
    offsets(bootstrap, [(t, p) for t in topics for p in range(partitions)], OffsetSpec.latest())


def drop(admin, topics):
    if topics:
        wait_all(admin.delete_topics(topics, operation_timeout=CALL_TIMEOUT_S))
    while set(topics) & set(admin.list_topics(timeout=CALL_TIMEOUT_S).topics):
        time.sleep(0.1)


def wait_all(futures):
    for future in futures.values():
        future.result()


def share(records, partitions, partition):
    """How many of the records 0, 1, 2, … dealt out in turn fall to this partition."""
    return (records - partition + partitions - 1) // partitions


def max_message_bytes(record_bytes):
    return max(1_000_000, record_bytes) + REQUEST_OVERHEAD_BYTES


def produce(bootstrap, topics, partitions, records, record_bytes, codec, times, worker):
    """One worker's half of the work: every second (topic, partition), in rounds, so that all grow together."""
    failed = []
    producer = Producer(
        {
            "on_delivery": lambda error, _: failed.append(error) if error else None,
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "linger.ms": 50,
            "log_level": 3,  # a broker that has just started makes the first tries of idempotence wait
            "compression.type": codec,
            "message.max.bytes": max_message_bytes(record_bytes),
            "queue.buffering.max.messages": 2_000_000,
        }
    )
    batch_records = max(1, min(PRODUCE_BATCH_RECORDS, PRODUCE_BATCH_BYTES // record_bytes))
    queued_max = max(batch_records, QUEUED_BYTES_MAX // record_bytes)
    lines = Lines(record_bytes, seed=worker)
    stamp = TIMES[times]
    mine = [(t, p) for t in topics for p in range(partitions)][worker::WORKERS]
    for start in range(0, share(records, partitions, 0), batch_records):
        for topic, partition in mine:
            end = min(start + batch_records, share(records, partitions, partition))
            numbers = range(start * partitions + partition, end * partitions + partition, partitions)
            while len(producer) > queued_max:
                producer.poll(0.01)
            if stamp:
                for i in numbers:  # a batch can't have timestamps
                    producer.produce(topic, lines.line(i), partition=partition, timestamp=stamp(i))
                continue
            batch = [{"value": lines.line(i)} for i in numbers]
            if producer.produce_batch(topic, batch, partition) != len(batch):
                raise RuntimeError("the producer's queue is full")
    if producer.flush(FLUSH_TIMEOUT_S) or failed:
        raise RuntimeError(f"records could not be delivered: {failed[0] if failed else 'it took too long'}")


class Lines:
    """JSON metrics lines, all distinct and all of one length: what varies is as wide as it is in life,
    and the trace takes up the rest. Short ones have no labels."""

    def __init__(self, record_bytes, seed):
        self.random = random.Random(seed)
        self.filler = f"{self.random.getrandbits(4 * 2 * record_bytes):0{2 * record_bytes}x}"
        self.middles = [self._middle(record_bytes) for _ in range(4096)]
        self.second, self.stamp = None, None

    def _middle(self, record_bytes):
        pick = self.random.choice
        host = f"{pick(['web', 'api', 'job'])}-{self.random.randrange(1, 400)}"
        text = (
            f'"host":"{host}","region":"{pick(REGIONS)}","service":"{pick(SERVICES)}",'
            f'"metric":"{pick(METRICS)}","status":{pick([200] * 8 + [404, 503])}'
        )
        fixed = len('{"time":"2025-06-01T00:00:00.000000Z","seq":1000000000,"ms":100.000,"trace":""}')
        if record_bytes < fixed + len(text) + 10:
            return "", record_bytes - fixed
        return f",{text}", record_bytes - fixed - len(text) - 1

    def line(self, i):
        bits = self.random.getrandbits(128)
        text, trace_digits = self.middles[bits & 4095]
        second, rest = divmod(i, RECORDS_PER_S)
        if second != self.second:
            self.second = second
            self.stamp = (BEGAN + timedelta(seconds=second)).isoformat()
        trace = f"{bits:032x}"[:trace_digits]
        if trace_digits > len(trace):
            rest_digits = trace_digits - len(trace)
            trace += self.filler[bits % rest_digits :][:rest_digits]
        return (
            f'{{"time":"{self.stamp}.{rest * 100 + bits % 97:06d}Z","seq":{FIRST_SEQUENCE + i}{text},'
            f'"ms":{100 + (bits >> 12) % 900}.{(bits >> 24) % 1000:03d},"trace":"{trace}"}}'
        ).encode()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]), *sys.argv[5:])
