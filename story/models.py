"""What archiver-analyze says of the second day, by each method: a table of verdicts, or an array of them."""

import numpy

import judge
from commands import ARCHIVE, FEATURES, NORMAL, analyze, model
from services import day

# Learned from what is normal of the first day.
UNLABELLED = {"k-means": "kmeans", "isolation forest": "isolation-forest"}
# By one feature at a time, of the second day alone.
BY_VALUE = "three-sigma"
# A random forest learns from so many rows at most, of which a few are kept to be sure.
ROWS_MOST = 95_000
# A prime: more than services, so that the records of each are taken evenly.
SHARES = 53


def train(method, seed, *more, path=None):
    analyze("train", ARCHIVE, "--model", path or model(method), "--features", ",".join(FEATURES), "--method", method,
            "--seed", seed, *more)  # fmt: skip


def train_usual(method, seed, path=None):
    """On the first day, each service by itself."""
    train(method, seed, "--by", "appid", "--filter", NORMAL, "--since", day(0), "--until", day(1), path=path)


def predicted(method, since, records):
    """A verdict for each of these records."""
    table = f"{method}.csv"
    analyze("predict", ARCHIVE, "--model", model(method), "--since", since, "--until", day(2), "-o", table)
    verdicts = judge.by_place(table, "is_anomaly")
    judge.check_same_places(verdicts, records, f"{method} judges")
    return verdicts["is_anomaly"] == "true"


def by_value(records):
    """A record is anomalous if one of its features is."""
    table = f"{BY_VALUE}.csv"
    analyze("anomalies", ARCHIVE, "--value", ",".join(FEATURES), "--by", "appid", "--method", BY_VALUE,
            "--since", day(1), "--until", day(2), "-o", table)  # fmt: skip
    anomalies = judge.table(table, "time", "appid")
    odd = set(zip(anomalies["time"].tolist(), anomalies["appid"].tolist(), strict=True))
    asked = zip(records["time"].tolist(), records["appid"].tolist(), strict=True)
    return numpy.fromiter((at in odd for at in asked), bool, len(records))


def without_labels(records, seed):
    verdicts = {}
    for label, method in UNLABELLED.items():
        train_usual(method, seed)
        verdicts[label] = predicted(method, day(1), records)
    verdicts[BY_VALUE] = by_value(records)
    return verdicts


def share(records):
    """How many of SHARES parts of the morning's records a random forest can learn from."""
    return min(SHARES, SHARES * ROWS_MOST // max(len(records), 1))


def with_labels(morning, afternoon, seed):
    """A random forest of all services together, by the labels of the morning: most services had no fault in it."""
    learned = f'"offset" % {SHARES} < {share(morning)}'
    train("random-forest", seed, "--label", "is_fault", "--filter", learned, "--since", day(1), "--until", day(1.5))
    return predicted("random-forest", day(1.5), afternoon)
