"""A disk that takes so many bytes a second: a directory, mirrored through FUSE.

Run with the Python of the venv:  slowdisk.py MIRRORED MOUNTPOINT BYTES_PER_S
"""

import os
import sys
import threading
import time

from mfusepy import FUSE, Operations


class SlowDisk(Operations):
    use_ns = True

    def __init__(self, mirrored, bytes_per_s):
        self.mirrored = mirrored
        self.bytes_per_s = bytes_per_s
        self.turn = threading.Lock()
        self.free_at = 0.0  # when the disk has written what it has taken

    def path(self, path):
        return self.mirrored + path

    def spend(self, size):
        with self.turn:
            now = time.monotonic()
            self.free_at = max(self.free_at, now) + size / self.bytes_per_s
            until = self.free_at
        time.sleep(until - now)

    def write(self, path, data, offset, fh):
        self.spend(len(data))
        return os.pwrite(fh, data, offset)

    def read(self, path, size, offset, fh):
        return os.pread(fh, size, offset)

    def fsync(self, path, datasync, fh):
        return 0

    def fsyncdir(self, path, datasync, fh):
        return 0

    def getattr(self, path, fh=None):
        st = os.lstat(self.path(path))
        return {
            name: getattr(st, name)
            for name in ("st_mode", "st_nlink", "st_uid", "st_gid", "st_size", "st_ino", "st_dev")
        } | {
            "st_mtime": st.st_mtime_ns, "st_atime": st.st_atime_ns, "st_ctime": st.st_ctime_ns,
        }

    def readdir(self, path, fh):
        return [".", "..", *os.listdir(self.path(path))]

    def open(self, path, flags):
        return os.open(self.path(path), flags & ~os.O_APPEND)

    def create(self, path, mode, fi=None):
        return os.open(self.path(path), os.O_RDWR | os.O_CREAT, mode)

    def release(self, path, fh):
        os.close(fh)
        return 0

    def truncate(self, path, length, fh=None):
        os.truncate(self.path(path), length)

    def mkdir(self, path, mode):
        os.mkdir(self.path(path), mode)

    def unlink(self, path):
        os.unlink(self.path(path))

    def rmdir(self, path):
        os.rmdir(self.path(path))

    def rename(self, old, new):
        os.rename(self.path(old), self.path(new))

    def link(self, target, source):
        os.link(self.path(source), self.path(target))

    def chmod(self, path, mode):
        os.chmod(self.path(path), mode)

    def statfs(self, path):
        st = os.statvfs(self.mirrored)
        return {name: getattr(st, name) for name in dir(st) if name.startswith("f_")}


if __name__ == "__main__":
    mirrored, mountpoint, rate = sys.argv[1:]
    disk = SlowDisk(os.path.abspath(mirrored), float(rate))
    FUSE(disk, mountpoint, foreground=True, nothreads=False, use_ino=True, allow_other=True)
