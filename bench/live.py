"""The driver's side of topics that live, and an archiver that is started and stopped while they do."""

import os
import signal
import subprocess
import time

import proc
import setup
from setup import ROOT, WORK, Failed
from stamped import LINE_BYTES, PREFIX

AWAIT_S = 60
STOP_TIMEOUT_S = 60
POLL_S = 0.005


class Topics:
    """`with Topics(broker, 10) as topics:`: new ones, dropped at the end."""

    def __init__(self, broker, count):
        self.broker = broker
        self.names = [f"{PREFIX}{os.getpid()}-{i:04}" for i in range(count)]
        self.sent = 0  # to each

    def __enter__(self):
        Sender(self._start("make")).finish()
        self.broker.await_deleted()
        return self

    def __exit__(self, *_):
        self.broker.drop_topics(self.names)

    def send(self, count, rate=20_000):
        """So many records to each, `rate` a second in all."""
        self.sending(count, rate).finish()

    def sending(self, count, rate, what="send"):
        first, self.sent = self.sent, self.sent + count
        return Sender(self._start(what, rate, count, first))

    def _start(self, *arguments):
        command = [setup.venv_python(), ROOT / "bench" / "send.py", self.broker.address, *arguments]
        process = subprocess.Popen(
            list(map(str, command)), stdin=subprocess.PIPE, text=True, preexec_fn=proc.die_with_parent
        )
        process.stdin.write("\n".join(self.names))
        process.stdin.close()
        return process


class Sender:
    def __init__(self, process):
        self.process = process

    def running(self):
        return self.process.poll() is None

    def finish(self):
        if self.process.wait() != 0:
            raise Failed("the broker did not take what was sent to it")


class Archiver:
    """One that is started, stopped and killed; leaving the block kills what is left of it."""

    def __init__(self, config, binary=None):
        self.command = [str(binary or setup.archiver()), "-c", str(config)]
        self.process = None
        self.started = 0.0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.kill()

    @property
    def pid(self):
        return self.process.pid

    def start(self):
        self.started = time.monotonic()
        with open(WORK / "logs" / "live.log", "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, preexec_fn=proc.die_with_parent)

    def stop(self):
        """The seconds that a clean stop took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise Failed(f"archiver did not stop within {STOP_TIMEOUT_S} s") from None
        if code != 0:
            raise Failed(f"archiver ended with {code}; its log is target/bench/logs/live.log")
        return time.monotonic() - began

    def kill(self):
        self.process.kill()
        self.process.wait()

    def until(self, files, lines):
        """The seconds since the start until each file has at least so many lines."""
        return self.until_sizes({file: lines * LINE_BYTES for file in files})

    def until_grown(self, sizes):
        return self.until_sizes({file: size + LINE_BYTES for file, size in sizes.items()})

    def until_sizes(self, waiting):
        while True:
            waiting = {file: wanted for file, wanted in waiting.items() if size(file) < wanted}
            passed = time.monotonic() - self.started
            if not waiting:
                return passed
            if passed > AWAIT_S or self.process.poll() is not None:
                file, wanted = next(iter(waiting.items()))
                raise Failed(f"{file.name} has {size(file):,} bytes after {passed:.0f} s, not {wanted:,}")
            time.sleep(POLL_S)


def size(path):
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0
