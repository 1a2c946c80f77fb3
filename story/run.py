"""The whole way once: metrics of services through a real Kafka into an archive, normal samples into databases, models
of the first day, verdicts on the second, beside the faults that were injected and scikit-learn's models; questions that
are asked again, pictures, and the page of results in a real browser.

    story/run.py [--records N] [--seed N]
"""

import argparse
import shutil
import subprocess
import sys
import time

# First, as it says where the modules of the benchmark are.
from commands import ARCHIVE, MODELS, NORMAL, ROOT, WORK, Failed, analyze, found, run, tell

import cache
import judge
import models
import page
import pictures
import setup
from broker import Broker
from databases import Databases
from services import DAY_MS, FIRST_DAY_MS, day

TOPIC = "services"
TABLE = "normal_samples"
NOON_MS = FIRST_DAY_MS + DAY_MS * 3 // 2


def capture(broker, args):
    """What archiver replay produces, as fast as it goes, is captured again."""
    tell(f"{args.records:,} records of two days, with faults on the second")
    table = WORK / "services.csv"
    with open(table, "w") as out:
        subprocess.run([sys.executable, ROOT / "story" / "services.py", str(args.records), str(args.seed),
                        WORK / "faults.json"], stdout=out, check=True)  # fmt: skip
    run(setup.archiver(), "replay", table.name, "-q", "-b", broker.address, "-t", TOPIC, "--speed", "max",
        "--timestamps", "keep", "--key", "appid",
        "--create-topics=partitions=3,replication=1,retention.ms=-1")  # fmt: skip
    run(setup.archiver(), "capture", "-q", "-b", broker.address, "-t", TOPIC, "-o", ARCHIVE, "--all")
    table.unlink()


def load(databases):
    """The normal samples of the first day into each database, three times: nothing is there twice."""
    rows = {}
    for name, url in databases.urls.items():
        command = ["load", ARCHIVE, "--to", url, "--table", TABLE, "--create", "--filter", NORMAL, "--since", day(0),
                   "--until", day(1)]  # fmt: skip
        began = time.monotonic()
        said = analyze(*command).strip().splitlines()[-1]
        seconds = time.monotonic() - began
        rows[name] = databases.count(name, TABLE)
        found(f"{name}: {said} ({rows[name]:,} there, {rows[name] / seconds:,.0f} rows/s)")
        for more in [[], ["--again"]]:
            analyze(*command, *more)
            if databases.count(name, TABLE) != rows[name]:
                raise Failed(f"{name} has {databases.count(name, TABLE):,} rows after another load, not {rows[name]:,}")
        found(f"{name}: loaded again, and anew (--again): still {rows[name]:,}")
    found(f"MariaDB's own LOAD DATA of the same rows: {databases.load_data(TABLE):,.0f} rows/s")
    return rows


def check_loaded(rows, normal):
    for name, count in rows.items():
        if count != len(normal):
            raise Failed(f"{name} has {count:,} rows, and {len(normal):,} are normal by SQL")
    found(f"as many are in each database: {len(normal):,}")


def compare(verdicts, normal, second, seed):
    """Each method against the injected faults."""
    judge.show("\nThe second day", verdicts | judge.scikit(normal, second, seed), second)
    is_morning = second["time"] < NOON_MS
    morning, afternoon = second[is_morning], second[~is_morning]
    verdicts = {label: of[~is_morning] for label, of in verdicts.items()}
    tell("")
    verdicts["random forest"] = models.with_labels(morning, afternoon, seed)
    learned = morning[morning["offset"] % models.SHARES < models.share(morning)]
    verdicts["random forest, scikit-learn"] = judge.scikit_forest(learned, afternoon, seed)
    labels = f"random forests have learned from labels of the morning ({len(learned):,} records, " \
             f"{learned['is_fault'].sum():,} faulty)"  # fmt: skip
    judge.show(f"\nIts afternoon; {labels}", verdicts, afternoon)


def story(args):
    page.find_browser()
    with Broker(setup.kafka_libs(), thrown_away=WORK / "kafka") as broker:
        capture(broker, args)
    with Databases(WORK) as databases:
        rows = load(databases)
    normal = judge.records("normal", day(0), day(1), f"WHERE {judge.DIVIDED}")
    check_loaded(rows, normal)
    second = judge.records("second", day(1), day(2))
    verdicts = models.without_labels(second, args.seed)
    compare(verdicts, normal, second, args.seed)
    tell("\nA question that is asked again")
    cache.check(args.seed)
    slow = [fault for fault in judge.injected() if fault["kind"] == "slow"]
    longest = max(slow, key=lambda fault: fault["until_ms"] - fault["since_ms"])
    tell(f"\n{longest['service']}, which is slow for a while")
    pictures.draw(longest["service"])
    page.show(longest, second, verdicts["k-means"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=5_000_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    shutil.rmtree(WORK, ignore_errors=True)
    (WORK / MODELS).mkdir(parents=True)
    try:
        story(args)
    except (Failed, setup.Missing) as e:
        setup.say(e)
        return 1
    tell(f"\nall is well; everything is in {WORK}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
