"""The versions of the peers, besides what `benchmarks.machine` says."""

import subprocess
from collections.abc import Mapping

import orjson

from benchmarks import machine
from benchmarks.peers.contenders import NODE


def facts() -> Mapping[str, str]:
    """What figures depend on, in words."""
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    packages = orjson.loads((NODE / "package.json").read_bytes())["dependencies"]
    peers = ", ".join(f"{name} {version}" for name, version in packages.items())
    return {**machine.facts(), "Node.js": f"{node}; {peers}"}
