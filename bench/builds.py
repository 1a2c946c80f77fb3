"""How long it takes to build each program from nothing; some minutes, so only where it is asked for."""

import os
import subprocess
import time

import setup
from rounds import scratch
from setup import ROOT, WORK, Failed, say

BUILDS = {
    "archiver": ["--release"],
    "archiver-analyze": ["--profile", "analyze", "-p", "archiver-analyze"],
}


def times():
    """(wall, CPU) seconds of each, in a directory of its own that is removed again."""
    return {name: build(name, flags) for name, flags in BUILDS.items()}


def build(name, flags):
    say(f"building {name}")
    with scratch(WORK) as directory:
        command = [setup.command("cargo"), "build", "--locked", "-q", *flags]
        began, before = time.monotonic(), os.times()
        done = subprocess.run(command, cwd=ROOT, env=os.environ | {"CARGO_TARGET_DIR": directory})
        wall_s, after = time.monotonic() - began, os.times()
    if done.returncode != 0:
        raise Failed(f"{name} could not be built")
    return wall_s, after.children_user + after.children_system - before.children_user - before.children_system
