"""Questions asked again: the same one is answered by what was kept of the first answer, any other one anew."""

import sqlite3
import time
from contextlib import closing

from commands import ARCHIVE, WORK, Failed, analyze, found, model
from models import train_usual
from services import day

RETRAINED = "other-seed.json"


def kept():
    """Which answers are kept, and when they were made."""
    answers = set()
    for path in (WORK / "cache" / "archiver-analyze").glob("answers-*.sqlite"):
        with closing(sqlite3.connect(path)) as database:
            answers |= set(database.execute("SELECT key, made_ms FROM answers"))
    return answers


def answer(what, *question, is_hit):
    """An answer that was kept is used if none is made; the time is that of the whole command."""
    before, began = kept(), time.monotonic()
    said = analyze(*question, "--since", day(1), "--until", day(2))
    ms = (time.monotonic() - began) * 1000
    was_hit = not kept() - before
    if was_hit != is_hit:
        raise Failed(f"{what}: {'no answer was made and kept' if was_hit else 'the answer was made anew'}")
    found(f"{ms:.0f} ms, {'kept' if was_hit else 'made'}: {what}")
    return said


def check(seed):
    judge = ["predict", ARCHIVE, "--anomalies", "--model"]
    k_means = [*judge, model("kmeans")]
    measure = ["windows", ARCHIVE, "--by", "appid", "--tumbling", "10m", "--aggregates", "count,p99", "--value",
               "response_time"]  # fmt: skip
    for name, question in [("anomalies by a model", k_means), ("windows", measure)]:
        first = answer(f"{name}, asked first", *question, is_hit=False)
        if answer(f"{name}, asked again", *question, is_hit=True) != first:
            raise Failed(f"{name}: asked again, the answer is another one")
        answer(f"{name}, with a filter", *question, "--filter", "request_count > 100", is_hit=False)
    train_usual("kmeans", seed + 1, path=RETRAINED)
    answer("anomalies by a model that was trained with another seed", *judge, RETRAINED, is_hit=False)
    answer("anomalies by the model of before", *k_means, is_hit=True)
