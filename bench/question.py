"""A question, asked of one program: what it answers, how long that takes, for how much CPU and memory."""

import json
import os
import statistics
import subprocess
import time
from dataclasses import dataclass

import proc
import setup
from report import MB
from setup import ROOT, Failed, say

BENCH = ROOT / "bench"
FIGURES = ("wall_s", "cpu_s", "peak_bytes")


@dataclass(frozen=True)
class Question:
    """Of questions with one `topic`, all answers must be the same."""

    key: str
    label: str
    topic: str
    command: list[str]
    stdin: str = ""
    times_itself: bool = False  # in its last line, without the start of its interpreter


@dataclass
class Ran:
    wall_s: float
    cpu_s: float
    peak_bytes: int
    other_cores: float  # what everything else on the machine used meanwhile
    lines: list[str]


def analyze(key, label, topic, *arguments):
    return Question(key, label, topic, [str(setup.analyze()), *map(str, arguments)])


def duckdb(key, label, topic, *statements):
    command = [str(setup.venv_python()), str(BENCH / "duck.py")]
    return Question(key, label, topic, command, ";\n".join(statements), times_itself=True)


def pandas(key, label, topic, files):
    command = [str(setup.venv_python()), str(BENCH / "frames.py"), setup.command("zstd"), *map(str, files)]
    return Question(key, label, topic, command)


def run(command, stdin=""):
    """A whole process, from outside."""
    began, busy_s = time.monotonic(), sum(proc.machine_cpu_seconds())
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=proc.die_with_parent
    )
    process.stdin.write(stdin)
    process.stdin.close()
    lines = process.stdout.read().splitlines()
    _, status, usage = os.wait4(process.pid, 0)
    wall_s, busy_s = time.monotonic() - began, sum(proc.machine_cpu_seconds()) - busy_s
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Failed(f"{' '.join(command)} ended with {process.returncode}")
    cpu_s = usage.ru_utime + usage.ru_stime
    return Ran(wall_s, cpu_s, usage.ru_maxrss * 1024, max(0.0, busy_s - cpu_s) / wall_s, lines)


def ask(question):
    """(how it ran, what it answered)"""
    ran = run(question.command, question.stdin)
    if question.times_itself:
        took = json.loads(ran.lines.pop())
        ran.wall_s, ran.cpu_s = took["wall_s"], took["cpu_s"]
    rows = frozenset(tuple(json.loads(line).items()) for line in ran.lines)
    if not rows or len(rows) != len(ran.lines):
        raise Failed(f"{question.label} has no answer, or rows twice, for {question.topic}")
    return ran, rows


def ask_in_turn(made, questions, runs):
    """Round after round, each begun with another one; the medians become figures of the section."""
    ran, answers = {question.key: [] for question in questions}, {}
    for number in range(runs):
        turn = number % len(questions)
        for question in questions[turn:] + questions[:turn]:
            took, rows = ask(question)
            compare(question, rows, answers)
            ran[question.key].append(took)
            say(
                f"{number + 1}/{runs} {question.key}: {took.wall_s:.2f} s, {took.cpu_s:.2f} s of CPU, "
                f"{took.peak_bytes / MB:.0f} MB; others {took.other_cores:.2f} cores"
            )
    for key, runs_ in ran.items():
        note(made, key, runs_)


def compare(question, rows, answers):
    """Who answers wrongly is fast for nothing."""
    label, expected = answers.setdefault(question.topic, (question.label, rows))
    if rows != expected:
        wrong = dict(min(rows ^ expected))
        raise Failed(f"{question.label} and {label} answer differently for {question.topic}, as in {wrong}")


def note(made, key, runs):
    """Every run, and the medians."""
    for name in FIGURES:
        made.figures[f"{key}.{name}"] = statistics.median(getattr(run, name) for run in runs)
    made.runs += [{"program": key} | {name: getattr(run, name) for name in (*FIGURES, "other_cores")} for run in runs]
    made.other_cores += [run.other_cores for run in runs]
