"""The whole way once: metrics of services through a real Kafka into an archive, normal samples into databases, models of
the first day, verdicts on the second, beside the faults that were injected and scikit-learn's models.

    story/run.py [--records N] [--seed N] [--page]
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))
import judge
import services
import setup
from broker import Broker
from databases import PASSWORD, Databases
from setup import ROOT, Failed, say

WORK = ROOT / "target" / "story"
FEATURES = ",".join(judge.FEATURES)
NORMAL = "response_time < 1.2 AND fail_count / request_count < 0.2"
METHODS = {"k-means": "kmeans", "isolation forest": "isolation-forest"}


def day(number):
    """The midnight at which this day of the story begins, as the commands take it."""
    ms = services.FIRST_DAY_MS + number * services.DAY_MS
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def run(program, *arguments, **more):
    command = list(map(str, [program, *arguments]))
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, cwd=WORK,
                          env=os.environ | {"ARCHIVER_DATABASE_PASSWORD": PASSWORD}, **more)  # fmt: skip
    if done.returncode != 0:
        raise Failed(f"{' '.join(command[:3])} failed: {setup.last_line(done.stderr)}")
    print(f"{time.monotonic() - began:7.1f} s  {' '.join([Path(command[0]).name, *command[1:3]])}", flush=True)
    return done.stdout


def captured(broker, args):
    """Produced by archiver replay, as fast as it goes, and captured again."""
    table = WORK / "services.csv"
    say(f"making {args.records:,} records")
    with open(table, "w") as out:
        subprocess.run([sys.executable, ROOT / "story" / "services.py", str(args.records), str(args.seed),
                        WORK / "faults.json"], stdout=out, check=True)  # fmt: skip
    topic = f"services-{os.getpid()}"
    replay = ["replay", table, "-b", broker.address, "-t", topic, "--speed", "max", "--timestamps", "keep"]
    run(setup.archiver(), "-q", *replay, "--key", "appid", "--create-topics=partitions=3,replication=1,retention.ms=-1")
    archive = WORK / "services.ndjson.zst"
    run(setup.archiver(), "-q", "capture", "-b", broker.address, "-t", topic, "-o", archive, "--all")
    table.unlink()
    return archive


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=5_000_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    try:
        with Broker(setup.kafka_libs(), thrown_away=WORK / "kafka") as broker:
            archive = captured(broker, args)
        with Databases(WORK) as databases:
            tell(archive, databases, args)
    except (Failed, setup.Missing) as e:
        say(e)
        return 1
    return 0


def tell(archive, databases, args):
    analyze = setup.analyze()
    first, second, end = day(0), day(1), day(2)
    for name, url in databases.urls.items():
        began = time.monotonic()
        said = run(analyze, "load", archive, "--since", first, "--until", second, "--filter", NORMAL, "--to", url,
                   "--table", "normal_samples", "--create")  # fmt: skip
        seconds = time.monotonic() - began
        rows = databases.count(name, "normal_samples")
        print(f"           {name}: {said.strip()} ({rows:,} there, {rows / seconds:,.0f} rows/s)")
    print(f"           MariaDB's own LOAD DATA of the same rows: {databases.load_data('normal_samples'):,.0f} rows/s")
    verdicts = {}
    for label, method in METHODS.items():
        model = WORK / f"{method}.json"
        run(analyze, "train", archive, "--model", model, "--features", FEATURES, "--by", "appid", "--method", method,
            "--filter", NORMAL, "--since", first, "--until", second, "--seed", args.seed)  # fmt: skip
        table = WORK / f"{method}.csv"
        run(analyze, "predict", archive, "--model", model, "--since", second, "--until", end, "-o", table)
        verdicts[label] = {
            (int(row["partition"]), int(row["offset"])): row["is_anomaly"] == "true" for row in judge.rows(table)
        }
    compare(analyze, archive, verdicts, (first, second, end), args)


def compare(analyze, archive, verdicts, days, args):
    """Each method against the injected faults."""
    faults = judge.by_service(WORK / "faults.json")
    first, second, end = days
    rows = {}
    for name, since, until, more in [("normal", first, second, f" WHERE {judge.DIVIDED}"), ("judged", second, end, "")]:
        table = WORK / f"{name}.csv"
        query = f'SELECT "partition", "offset", "time", appid, {FEATURES} FROM records{more}'
        run(analyze, "sql", query, archive, "--since", since, "--until", until, "-o", table)
        rows[name] = judge.rows(table)
    for label, of in judge.scikit(rows["normal"], rows["judged"], args.seed).items():
        verdicts[label] = of
    keys = [judge.key(row) for row in rows["judged"]]
    faulty = [judge.is_faulty(faults, row["appid"], int(row["time"])) for row in rows["judged"]]
    print(f"\n{'method':32} {'precision':>9} {'recall':>9}   of {sum(faulty):,} faulty records among {len(faulty):,}")
    for label, of in verdicts.items():
        precision, recall = judge.judged([of.get(key, False) for key in keys], faulty)
        print(f"{label:32} {precision:9.3f} {recall:9.3f}")
    by_kind(faults, rows["judged"], verdicts)


def by_kind(faults, rows, verdicts):
    """How many of the faults each method noticed: a tenth of a fault's records flagged."""
    spans = [fault for of in faults.values() for fault in of]
    print(f"\n{'noticed faults':32} " + " ".join(f"{kind:>9}" for kind in services.KINDS))
    within = {id(fault): [] for fault in spans}
    for row in rows:
        for fault in faults.get(row["appid"], []):
            if fault["since_ms"] <= int(row["time"]) < fault["until_ms"]:
                within[id(fault)].append(judge.key(row))
    for label, of in verdicts.items():
        counts = dict.fromkeys(services.KINDS, 0)
        for fault in spans:
            keys = within[id(fault)]
            counts[fault["kind"]] += sum(of.get(key, False) for key in keys) * 10 >= len(keys) > 0
        print(f"{label:32} " + " ".join(f"{counts[kind]:6} /{services.FAULTS_PER_KIND:2}" for kind in services.KINDS))


if __name__ == "__main__":
    sys.exit(main())
