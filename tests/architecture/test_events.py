"""Every process can read every event: what a worker does not know it keeps for a newer release, for ever."""

import json
import subprocess
import sys

_KNOWN = """
import importlib, json, pkgutil, sys
import app.worker
from app.core.changes.events import Event
known = set(Event.known_types())
for module in pkgutil.walk_packages(sys.modules["app"].__path__, "app."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(json.dumps([sorted(known), sorted(Event.known_types())]))
"""


def test_a_worker_knows_every_event() -> None:
    told = subprocess.run([sys.executable, "-c", _KNOWN], capture_output=True, check=True, timeout=120).stdout
    known, every = json.loads(told)
    assert "StaffActed.1" in every
    assert known == every
