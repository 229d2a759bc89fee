"""Processor cores and processor time."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psutil


def pair() -> tuple[int, int] | None:
    """A core for what is measured and another one for its clients; None where processes cannot be pinned to any."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    usable = sorted(os.sched_getaffinity(0))
    return (usable[0], usable[-1]) if len(usable) > 1 else None


def pin(pid: int, core: int | None) -> None:
    """Keep the process (0: this one) on a core; None leaves it where it is."""
    if core is not None:
        os.sched_setaffinity(pid, {core})


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Keep this process, and with all their threads those that it starts, on a core inside the block."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def spent(pids: Mapping[str, int]) -> Iterator[dict[str, float]]:
    """Seconds of user and system time that each process and its children use inside the block; known when it ends."""
    processes = {name: psutil.Process(pid) for name, pid in pids.items()}
    before = {name: _seconds(process) for name, process in processes.items()}
    seconds: dict[str, float] = {}
    yield seconds
    seconds.update({name: _seconds(process) - before[name] for name, process in processes.items()})


def _seconds(process: psutil.Process) -> float:
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(one.user + one.system for one in times)
