"""Small things that add up: what one idle archive costs, how quickly it answers, how large it is."""

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import programs
import restarts
import setup
from live import Archiver, Failed, Topics
from report import MIB, Section
from rounds import scratch
from setup import Missing

IDLE_S, IDLE_S_QUICK = 10, 2
ASKED = 20


def section(broker, args):
    made = Section("Small things")
    idle_s = IDLE_S_QUICK if args.quick else IDLE_S
    try:
        percents = idle_cpu_percents(broker, idle_s, args)
        made.runs = [{"idle_cpu_percent": percent} for percent in percents]
        made.figures = {
            "small.idle_cpu_percent": statistics.median(percents),
            "small.version_s": statistics.median(version_s() for _ in range(ASKED)),
            "small.binary_bytes": stripped_bytes(),
        }
    except Missing as e:
        made.say(f"Skipped: {e}")
        return made
    except Failed as e:
        made.problems.append(f"one idle archive: {e}")
        return made
    f = made.figures
    made.table(
        ["", ""],
        [
            [f"one idle archive: CPU of one core, over {idle_s} s", f"{f['small.idle_cpu_percent']:.2f} %"],
            [f"`archiver --version`, median of {ASKED}", f"{f['small.version_s'] * 1000:.1f} ms"],
            ["the program on disk, stripped", f"{f['small.binary_bytes'] / MIB:.1f} MiB"],
        ],
    )
    return made


def idle_cpu_percents(broker, window_s, args):
    with Topics(broker, 1) as topics, scratch() as directory:
        file = Path(directory) / "live.ndjson"
        config = programs.write_config(Path(directory), broker.address, [(topics.names[0], file)])
        topics.send(1)
        with Archiver(config) as archiver:
            archiver.start()
            archiver.until([file], topics.sent)
            time.sleep(restarts.SETTLED_S_QUICK if args.quick else restarts.SETTLED_S)
            percents = [restarts.cpu_percent(archiver.pid, window_s) for _ in range(args.runs)]
            archiver.stop()
    return percents


def version_s():
    began = time.monotonic()
    subprocess.run([str(setup.archiver()), "--version"], stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - began


def stripped_bytes():
    """As it is where nothing can strip it: the release profile may have done so."""
    with tempfile.TemporaryDirectory() as directory:
        copy = shutil.copy(setup.archiver(), directory)
        if shutil.which("strip"):
            subprocess.run(["strip", copy], check=True)
        return os.stat(copy).st_size
