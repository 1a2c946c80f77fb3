"""Memory that stays with this machine.

A virtual machine's free memory goes back to its host, and a page that comes from there again costs more than all that
is measured with it. Holes in a file on a tmpfs are free memory too, but in pieces that are too small to be given back:
Linux gives back 128 KiB and more where it gives back much (`page_reporting_order` 5).
"""

import ctypes
import os
import shutil
import tempfile
import time

import proc
from setup import say

# The output of one run, and what the largest program holds.
BYTES = 8_000_000_000
BLOCK = 64 << 10
PAGE = os.sysconf("SC_PAGE_SIZE")
KEEP_SIZE, PUNCH_HOLE = 1, 2
LIBC = ctypes.CDLL(None, use_errno=True)


class Warm:
    """`with Warm(where):` — a file in this directory, of which one page in each block stays."""

    def __init__(self, where):
        self.where = where

    def __enter__(self):
        self.file = tempfile.TemporaryFile(dir=self.where)
        room = min(proc.memory_bytes("MemAvailable"), shutil.disk_usage(self.where).free) // 2
        blocks = min(BYTES, room) // BLOCK
        began = time.monotonic()
        for _ in range(blocks):
            self.file.write(b"\1" * BLOCK)
        self.file.flush()
        for block in range(blocks):
            self._free(block * BLOCK + PAGE, BLOCK - PAGE)
        say(f"{blocks * BLOCK / 1e9:.0f} GB of memory made warm in {time.monotonic() - began:.0f} s")
        return self

    def _free(self, offset, length):
        hole = [ctypes.c_longlong(offset), ctypes.c_longlong(length)]
        if LIBC.fallocate64(self.file.fileno(), KEEP_SIZE | PUNCH_HOLE, *hole) != 0:
            raise OSError(ctypes.get_errno(), "making a hole in a file on the tmpfs")

    def __exit__(self, *_):
        self.file.close()
