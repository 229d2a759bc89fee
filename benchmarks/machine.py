"""The machine and the versions that figures were taken with."""

import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from app.dev.embedded import mongod_binary, valkey_binary

LIBRARIES = ("strawberry-graphql", "graphql-core", "pymongo", "starlette", "uvicorn", "uvloop", "orjson")


def facts() -> Mapping[str, str]:
    """What figures depend on, in words."""
    return {
        "Taken": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "Revision": _first_line("git", "describe", "--always", "--dirty"),
        "Processor": f"{_processor()}, {os.cpu_count()} cores",
        "Memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "System": platform.platform(terse=True),
        "Python": platform.python_version(),
        "MongoDB": _first_line(mongod_binary(), "--version"),
        "Valkey": _first_line(valkey_binary(), "--version"),
        "Libraries": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
        "Load before": " ".join(f"{load:.1f}" for load in os.getloadavg()) + " (over 1, 5 and 15 minutes)",
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _first_line(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.partition("\n")[0]
