"""Metrics of services over two days, the second with faults: a record per service every few seconds, as CSV.

    services.py RECORDS SEED > services.csv, and the faults into FAULTS
"""

import json
import math
import random
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

SERVICES = 50
DAY_MS = 86_400_000
FIRST_DAY_MS = int(datetime(2026, 11, 2, tzinfo=UTC).timestamp() * 1000)
FAULTS_PER_KIND = 10
KINDS = ["slow", "failing", "silent", "flooded"]
SHORTEST_MS, LONGEST_MS = 5 * 60_000, 20 * 60_000


def day(number):
    """When this day of the story begins, as commands take it; 1.5 is noon of the second."""
    ms = FIRST_DAY_MS + round(number * DAY_MS)
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Fault:
    """A service misbehaves, from a time on and before another one, in milliseconds since 1970."""

    service: str
    kind: str
    since_ms: int
    until_ms: int


@dataclass
class Service:
    name: str
    requests: float
    seconds: float
    failing: float
    phase: float


def services(rng):
    return [
        Service(f"service-{n:02}", rng.uniform(50, 500), rng.uniform(0.05, 0.6), rng.uniform(0.002, 0.02),
                rng.uniform(-1, 1))
        for n in range(SERVICES)
    ]  # fmt: skip


def faults(rng, day_ms):
    """Of each kind as many, no two of a service at the same time."""
    made = []
    for kind in KINDS:
        for _ in range(FAULTS_PER_KIND):
            while True:
                length = rng.randrange(SHORTEST_MS, LONGEST_MS)
                since = day_ms + rng.randrange(0, DAY_MS - length)
                fault = Fault(f"service-{rng.randrange(SERVICES):02}", kind, since, since + length)
                if not any(f.service == fault.service and f.since_ms < fault.until_ms and fault.since_ms < f.until_ms
                           for f in made):  # fmt: skip
                    break
            made.append(fault)
    return made


def record(rng, service, ms, kind):
    """Response time in seconds, requests and failed ones since the last record, and 1 if that is a fault."""
    of_day = 2 * math.pi * ((ms % DAY_MS) / DAY_MS) + service.phase
    requests = service.requests * (1 + 0.4 * math.sin(of_day)) * rng.lognormvariate(0, 0.1)
    seconds = service.seconds * (1 + 0.2 * math.sin(of_day)) * rng.lognormvariate(0, 0.15)
    failing = service.failing
    match kind:
        case "slow":
            seconds *= rng.uniform(3, 6)
        case "failing":
            failing = rng.uniform(0.2, 0.6)
        case "silent":
            requests *= rng.uniform(0, 0.05)
        case "flooded":
            requests *= rng.uniform(3, 6)
    requests = round(requests)
    failed = min(requests, sum(rng.random() < failing for _ in range(requests)) if requests < 50 else max(
        0, round(rng.gauss(requests * failing, math.sqrt(requests * failing * (1 - failing))))))  # fmt: skip
    return f"{ms},{service.name},{seconds:.4f},{requests},{failed},{int(kind is not None)}"


def main(records, seed, faults_file):
    rng = random.Random(seed)
    known = services(rng)
    second_ms = FIRST_DAY_MS + DAY_MS
    injected = faults(rng, second_ms)
    with open(faults_file, "w") as file:
        json.dump([asdict(fault) for fault in injected], file, indent=1)
    of = {}
    for fault in injected:
        of.setdefault(fault.service, []).append(fault)
    rounds = records // SERVICES
    step = 2 * DAY_MS / rounds
    print("time,appid,response_time,request_count,fail_count,is_fault")
    for turn in range(rounds):
        begin = FIRST_DAY_MS + turn * step
        lines = []
        for number, service in enumerate(known):
            ms = int(begin + number * step / SERVICES)
            kind = next((f.kind for f in of.get(service.name, []) if f.since_ms <= ms < f.until_ms), None)
            lines.append(record(rng, service, ms, kind))
        print("\n".join(lines))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
