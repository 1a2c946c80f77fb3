"""What the kernel says about a process: CPU time, memory, threads; read from /proc."""

import ctypes
import os
import signal

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of all threads of a process so far."""
    with open(f"/proc/{pid}/stat") as f:
        # The command's name stands in brackets and may hold spaces: count from behind it.
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def exact_cpu_seconds(pid):
    """The same of a process whose threads stay: to the nanosecond, as an idle one uses less than a tick."""
    nanoseconds = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as f:
            nanoseconds += int(f.read().split()[0])
    return nanoseconds / 1e9


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
