"""How well each method finds the injected faults, beside scikit-learn's models on the same features."""

import csv
import json

import numpy
from sklearn.cluster import KMeans
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.preprocessing import StandardScaler

import services
from commands import ARCHIVE, FEATURES, WORK, Failed, analyze, tell

QUANTILE = 0.999
# The filter of normal samples as SQL has it, where whole numbers divide to whole ones.
DIVIDED = "response_time < 1.2 AND CAST(fail_count AS DOUBLE) / nullif(request_count, 0) < 0.2"
KINDS = dict.fromkeys(["partition", "offset", "time", "is_fault"], "i8") | dict.fromkeys(FEATURES, "f8")
KINDS |= {"appid": "U16", "is_anomaly": "U5"}


def table(path, *names):
    """These columns of a CSV file, as an array with a field for each."""
    with open(WORK / path) as file:
        header = next(csv.reader(file))
        kinds = [(name, KINDS[name]) for name in names]
        return numpy.loadtxt(file, kinds, delimiter=",", usecols=[header.index(name) for name in names], ndmin=1)


def by_place(path, *names):
    """The same, in the order of partitions and offsets."""
    rows = table(path, "partition", "offset", *names)
    return rows[numpy.lexsort((rows["offset"], rows["partition"]))]


def check_same_places(left, right, what):
    for name in ["partition", "offset"]:
        if not numpy.array_equal(left[name], right[name]):
            raise Failed(f"{what} other records than there are: {len(left):,} of {len(right):,}")


def records(name, since, until, condition=""):
    """The records of a time, in SQL."""
    columns = f'"partition", "offset", "time", appid, is_fault, {", ".join(FEATURES)}'
    query = f"SELECT {columns} FROM records {condition}"
    analyze("sql", query, ARCHIVE, "--since", since, "--until", until, "-o", f"{name}.csv")
    return by_place(f"{name}.csv", "time", "appid", "is_fault", *FEATURES)


def injected():
    with open(WORK / "faults.json") as file:
        return json.load(file)


def within(fault, records):
    """Which of the records are of this fault."""
    times = records["time"]
    is_then = (fault["since_ms"] <= times) & (times < fault["until_ms"])
    return is_then & (records["appid"] == fault["service"])


def points(records):
    return numpy.column_stack([records[name] for name in FEATURES])


def scikit(normal, judged, seed):
    """Verdicts of scikit-learn's models: one of each per service, as archiver-analyze trains them."""
    k_means_says, forest_says = numpy.zeros((2, len(judged)), bool)
    for service in numpy.unique(normal["appid"]):
        of, at = points(normal[normal["appid"] == service]), judged["appid"] == service
        scaler = StandardScaler().fit(of)
        scaled, asked = scaler.transform(of), scaler.transform(points(judged[at]))
        k_means = KMeans(n_clusters=3, n_init=1, random_state=seed, tol=1e-9, max_iter=300).fit(scaled)
        limit = numpy.quantile(k_means.transform(scaled).min(axis=1), QUANTILE)
        k_means_says[at] = k_means.transform(asked).min(axis=1) > limit
        forest = IsolationForest(n_estimators=100, max_samples=min(256, len(of)), random_state=seed).fit(scaled)
        most = numpy.quantile(-forest.score_samples(scaled), QUANTILE)
        forest_says[at] = -forest.score_samples(asked) > most
    return {"k-means, scikit-learn": k_means_says, "isolation forest, scikit-learn": forest_says}


def scikit_forest(learned, judged, seed):
    """Of as many trees, with as many rows at a leaf, as archiver-analyze grows."""
    forest = RandomForestClassifier(n_estimators=50, min_samples_leaf=5, random_state=seed)
    return forest.fit(points(learned), learned["is_fault"]).predict(points(judged)) == 1


def show(title, verdicts, records):
    """Precision and recall over records, and how many faults were noticed: a tenth of a fault's records flagged."""
    faulty = records["is_fault"] == 1
    faults = [(fault["kind"], within(fault, records)) for fault in injected()]
    faults = [(kind, of) for kind, of in faults if of.any()]
    tell(f"{title}: {faulty.sum():,} faulty records among {len(records):,}")
    kinds = " ".join(f"{kind:>8}" for kind in services.KINDS)
    tell(f"{'method':32} {'precision':>9} {'recall':>9}   noticed: {kinds}")
    for label, of in verdicts.items():
        right = (of & faulty).sum()
        noticed = []
        for kind in services.KINDS:
            spans = [span for of_kind, span in faults if of_kind == kind]
            count = sum(of[span].sum() * 10 >= span.sum() for span in spans)
            noticed.append(f"{count:4} /{len(spans):2}")
        precision, recall = right / max(of.sum(), 1), right / max(faulty.sum(), 1)
        tell(f"{label:32} {precision:9.3f} {recall:9.3f}            " + " ".join(f"{text:>8}" for text in noticed))
