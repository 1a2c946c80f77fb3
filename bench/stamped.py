"""Lines that say when they were produced, and how old they are once they can be read from a file."""

import os
import time

PREFIX = "live-"  # of the names of topics
RECORD_BYTES = 190
LINE_BYTES = RECORD_BYTES + 1
TIME_AT, TIME_DIGITS = 8, 19
SEQUENCE_AT, SEQUENCE_DIGITS = TIME_AT + TIME_DIGITS + len(',"seq":'), 10
FIRST_SEQUENCE = 1_000_000_000
PAD = "x" * (RECORD_BYTES - SEQUENCE_AT - SEQUENCE_DIGITS - len(',"pad":""}'))


def line(time_ns, number):
    return f'{{"time":{time_ns:019},"seq":{FIRST_SEQUENCE + number},"pad":"{PAD}"}}'.encode()


def wrong(path, count):
    """What is wrong with a file that should hold the lines 0..count in order, or None."""
    data = path.read_bytes() if path.exists() else b""
    if len(data) != count * LINE_BYTES:
        return f"{path.name} has {len(data) / LINE_BYTES:,.2f} lines, expected {count:,}"
    for i in range(count):
        at = i * LINE_BYTES + SEQUENCE_AT
        if data[at : at + SEQUENCE_DIGITS] != b"%d" % (FIRST_SEQUENCE + i):
            return f"{path.name} has another line than {i:,} in its place"
    return None


class Tail:
    """Reads what files grow by; for the age of each line, or of one in `every`."""

    def __init__(self, paths, every=1):
        self.open = {}
        self.waiting = list(paths)
        self.every = every
        self.lines = 0
        self.ages_s = []  # of (produced, age)

    def look(self):
        self.waiting = [path for path in self.waiting if not self._found(path)]
        for fd, rest in self.open.items():
            data = rest + os.read(fd, 1 << 22)
            if len(data) == len(rest):
                continue
            now = time.time_ns()
            lines = len(data) // LINE_BYTES
            for i in range(0, lines, self.every):
                at = i * LINE_BYTES + TIME_AT
                produced = int(data[at : at + TIME_DIGITS])
                self.ages_s.append((produced / 1e9, (now - produced) / 1e9))
            self.lines += lines
            self.open[fd] = data[lines * LINE_BYTES :]

    def close(self):
        for fd in self.open:
            os.close(fd)

    def _found(self, path):
        try:
            self.open[os.open(path, os.O_RDONLY)] = b""
        except FileNotFoundError:
            return False
        return True
