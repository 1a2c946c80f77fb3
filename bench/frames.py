"""The loop that archiver-analyze replaces, as people write it: pandas reads lines in pieces, counts those, and adds up.

Run with the Python of the venv:  frames.py ZSTD FILE…
Prints a JSON object for each window and service.
"""

import json
import subprocess
import sys

import pandas as pd

LINES = 100_000
MINUTE_MS = 60_000


def main(zstd, *files):
    # What pandas itself unpacks zstd with ends at the first frame.
    unpack = subprocess.Popen([zstd, "-dcq", *files], stdout=subprocess.PIPE)
    counts = None
    for frame in pd.read_json(unpack.stdout, lines=True, chunksize=LINES):
        frame = frame[(frame["status"] == 200) & frame["ms"].notna()]
        minute = pd.to_datetime(frame["time"]).dt.floor("min").dt.as_unit("ms").astype("int64")
        counted = frame.groupby([minute, "service"]).size()
        counts = counted if counts is None else counts.add(counted, fill_value=0)
    if unpack.wait() != 0:
        sys.exit("zstd failed")
    for (start, service), count in counts.items():
        row = {"window_start": int(start), "window_end": int(start) + MINUTE_MS, "service": service, "count": int(count)}
        print(json.dumps(row))


if __name__ == "__main__":
    main(*sys.argv[1:])
