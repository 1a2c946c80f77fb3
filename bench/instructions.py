"""Counts the instructions that a record costs in each stage of the record path, and compares them with
benches/instructions.txt: exit 1 if one costs more than 3 % more than there.

instructions.py          compares
instructions.py --save   writes the file anew
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BASELINE = ROOT / "benches" / "instructions.txt"
STAGES = ["encode", "escape", "json", "index", "append", "archive"]
# The start of the process is in both counts, and not in their difference.
RECORDS = 200_000
MORE_MOST = 0.03


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", action="store_true", help="write the file anew")
    args = parser.parse_args()
    if not shutil.which("valgrind"):
        sys.exit("instructions.py: valgrind is missing; scripts/need.sh valgrind installs it")
    program = build()
    counted = {stage: per_record(program, stage) for stage in STAGES}
    if args.save:
        lines = [f"# {made_by()}", *(f"{stage} {cost:.1f}" for stage, cost in counted.items())]
        BASELINE.write_text("\n".join(lines) + "\n")
    sys.exit(compare(counted, *read_baseline()))


def build():
    """The workload's program. Its path is in what cargo says of it."""
    cargo = os.environ.get("CARGO", "cargo")
    command = [cargo, "bench", "--locked", "--bench", "instructions", "--no-run", "--message-format=json"]
    built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if built.returncode:
        sys.exit(built.returncode)
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    return next(m["executable"] for m in messages if m.get("target", {}).get("name") == "instructions")


def per_record(program, stage):
    return (count(program, stage, 2 * RECORDS) - count(program, stage, RECORDS)) / RECORDS


def count(program, stage, records):
    with tempfile.TemporaryDirectory() as work:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={work}/out", program, stage, str(records)]
        # By itself jemalloc gives memory back by the clock.
        env = {**os.environ, "TMPDIR": work, "MALLOC_CONF": "dirty_decay_ms:-1"}
        ran = subprocess.run(command, stderr=subprocess.PIPE, text=True, env=env)
    collected = re.search(r"Collected : (\d+)$", ran.stderr, re.MULTILINE)
    if ran.returncode or not collected:
        sys.exit(f"instructions.py: running {' '.join(command)}: exit {ran.returncode}\n{ran.stderr}")
    return int(collected[1])


def made_by():
    versions = [subprocess.run([tool, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
                for tool in ("rustc", "valgrind")]  # fmt: skip
    return f"{', '.join(version.strip() for version in versions)}, {os.uname().machine}"


def read_baseline():
    first, *stages = BASELINE.read_text().splitlines()
    return first.removeprefix("# "), {stage: float(cost) for stage, cost in map(str.split, stages)}


def compare(counted, saved_by, saved):
    print("instructions per record   now    saved")
    too_much = []
    for stage, now in counted.items():
        if stage not in saved:
            sys.exit(f"instructions.py: {BASELINE.name} has no {stage}; write it anew with --save")
        more = now / saved[stage] - 1
        if more > MORE_MOST:
            too_much.append(stage)
        print(f"{stage:18} {now:10,.1f} {saved[stage]:8,.1f} {more:+7.2%}{'  too much' if more > MORE_MOST else ''}")
    if not too_much:
        return 0
    print(f"instructions.py: more than {MORE_MOST:.0%} over {BASELINE.name}: {', '.join(too_much)}; "
          "if it is worth that, write the file anew with --save", file=sys.stderr)  # fmt: skip
    if saved_by != made_by():
        print(f"instructions.py: the file is of {saved_by}; this is {made_by()}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    main()
