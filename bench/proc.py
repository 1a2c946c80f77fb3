"""What the kernel says about a process: CPU time, memory, threads; read from /proc."""

import ctypes
import os
import signal

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of all threads of a process so far, those that have ended too."""
    with open(f"/proc/{pid}/stat") as f:
        # The command's name stands in brackets and may hold spaces: count from behind it.
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def status(pid):
    """(peak resident bytes, threads now); (0, 0) of a process that has ended but was not waited for."""
    peak = threads = 0
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith("VmHWM:"):
                peak = int(line.split()[1]) * 1024
            elif line.startswith("Threads:"):
                threads = int(line.split()[1])
    return peak, threads


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def machine_cpu_seconds():
    """(busy, stolen) time of the whole machine so far, over all its cores."""
    with open("/proc/stat") as f:
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, f.readline().split()[1:9])
    return (user + nice + system + irq + softirq) / TICKS_PER_S, steal / TICKS_PER_S


def memory_bytes(which):
    """A line of /proc/meminfo: MemTotal, MemAvailable."""
    with open("/proc/meminfo") as f:
        for line in f:
            if line.startswith(f"{which}:"):
                return int(line.split()[1]) * 1024
    return 0


def die_with_parent():
    """For a child, before exec: a driver that is killed leaves no process behind (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
