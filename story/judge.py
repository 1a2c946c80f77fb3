"""How well each method finds the injected faults: precision and recall over records, beside scikit-learn's models."""

import csv
import json

import numpy
from sklearn.cluster import KMeans
from sklearn.ensemble import IsolationForest
from sklearn.preprocessing import StandardScaler

FEATURES = ["response_time", "request_count", "fail_count"]
QUANTILE = 0.999
# The filter of normal samples as SQL has it, where whole numbers divide to whole ones.
DIVIDED = "response_time < 1.2 AND CAST(fail_count AS DOUBLE) / nullif(request_count, 0) < 0.2"


def rows(path):
    with open(path) as file:
        return list(csv.DictReader(file))


def is_faulty(faults, service, ms):
    return any(fault["since_ms"] <= ms < fault["until_ms"] for fault in faults.get(service, []))


def by_service(path):
    with open(path) as file:
        faults = json.load(file)
    of = {}
    for fault in faults:
        of.setdefault(fault["service"], []).append(fault)
    return of


def judged(flagged, faulty):
    """Precision, recall, and how many faults were noticed at all is up to the caller."""
    flagged, faulty = numpy.asarray(flagged, bool), numpy.asarray(faulty, bool)
    right = int((flagged & faulty).sum())
    precision = right / max(int(flagged.sum()), 1)
    recall = right / max(int(faulty.sum()), 1)
    return precision, recall


def key(row):
    return int(row["partition"]), int(row["offset"])


def scikit(normal, judged_rows, seed):
    """Verdicts of scikit-learn's models on the same features: one of each per service, as archiver-analyze trains them."""
    train, keys, points = {}, {}, {}
    for row in normal:
        train.setdefault(row["appid"], []).append([float(row[name]) for name in FEATURES])
    for row in judged_rows:
        keys.setdefault(row["appid"], []).append(key(row))
        points.setdefault(row["appid"], []).append([float(row[name]) for name in FEATURES])
    verdicts = {"k-means, scikit-learn": {}, "isolation forest, scikit-learn": {}}
    for service, of in train.items():
        scaler = StandardScaler().fit(of)
        scaled, judged_points = scaler.transform(of), scaler.transform(points[service])
        k_means = KMeans(n_clusters=3, n_init=1, random_state=seed, tol=1e-9, max_iter=300).fit(scaled)
        limit = numpy.quantile(k_means.transform(scaled).min(axis=1), QUANTILE)
        forest = IsolationForest(n_estimators=100, max_samples=256, random_state=seed).fit(scaled)
        most = numpy.quantile(-forest.score_samples(scaled), QUANTILE)
        far = k_means.transform(judged_points).min(axis=1) > limit
        odd = -forest.score_samples(judged_points) > most
        verdicts["k-means, scikit-learn"].update(zip(keys[service], far, strict=True))
        verdicts["isolation forest, scikit-learn"].update(zip(keys[service], odd, strict=True))
    return verdicts
