"""The commands of the story, each told with how long it took; what they write is below one directory."""

import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))
import setup
from setup import ROOT, Failed

WORK = ROOT / "target" / "story"
# Below it, as all commands begin there.
ARCHIVE = "services.ndjson.zst"
MODELS = "models"
PICTURES = "pictures"
FEATURES = ["response_time", "request_count", "fail_count"]
NORMAL = "response_time < 1.2 AND fail_count / request_count < 0.2"
# Of the story's own databases, which are gone with it.
PASSWORD = "of-the-story"


def run(program, *arguments):
    """What it prints."""
    command = list(map(str, [program, *arguments]))
    began = time.monotonic()
    env = os.environ | {"ARCHIVER_DATABASE_PASSWORD": PASSWORD, "XDG_CACHE_HOME": str(WORK / "cache")}
    done = subprocess.run(command, capture_output=True, text=True, cwd=WORK, env=env)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command[:3])} failed: {setup.last_line(done.stderr)}")
    seconds = time.monotonic() - began
    tell(f"{seconds:7.1f} s  {' '.join([Path(command[0]).name, *command[1:]]):.100}")
    return done.stdout


def analyze(*arguments):
    return run(setup.analyze(), *arguments)


def tell(text):
    print(text, flush=True)


def found(text):
    """What came of the command above it."""
    tell(f"           {text}")


def model(method):
    return f"{MODELS}/{method}.json"
