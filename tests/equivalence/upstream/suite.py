"""graphql-core's own tests of execution, run with another executor in the place of every one of its own.

The tests are in the source distribution only. It is fetched once, of the version and with the hash that uv.lock names.
"""

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

PACKAGE = "graphql-core"
HERE = Path(__file__).parent
ROOT = HERE.parents[2]
CACHE = ROOT / ".cache"
CHOSEN = ("tests/execution", "tests/utilities", "tests/test_star_wars_*.py")
KNOWN = HERE / "differences.toml"


@dataclass(frozen=True)
class Report:
    """How a run ended: tests by outcome, and executions by who did them."""

    passed: frozenset[str]
    failed: frozenset[str]
    compiled: int
    interpreted: int


def run(executor: str) -> Report:
    """Run the tests in a process of their own, with an executor by its name in `tests.equivalence.executors`."""
    source, report = _source(), CACHE / f"{PACKAGE}-{executor}-{os.getpid()}.json"
    files = [str(path.relative_to(source)) for pattern in CHOSEN for path in sorted(source.glob(pattern))]
    command = [sys.executable, "-m", "pytest", "-c", str(HERE / "pytest.ini"), "--rootdir", str(source)]
    environment = os.environ | {"PYTHONPATH": str(HERE), "ATRIUM_EXECUTOR": executor, "ATRIUM_REPORT": str(report)}
    done = subprocess.run(
        [*command, "-q", "-p", "executor_plugin", *files], cwd=source, env=environment, capture_output=True, text=True
    )
    try:
        told = json.loads(report.read_text())
    except FileNotFoundError:
        raise RuntimeError(f"The tests of {PACKAGE} did not run:\n{done.stdout}\n{done.stderr}") from None
    report.unlink()
    return Report(frozenset(told["passed"]), frozenset(told["failed"]), told["compiled"], told["interpreted"])


def known_differences() -> dict[str, str]:
    """The tests that are known to fail, and why that is no fault."""
    entries = tomllib.loads(KNOWN.read_text())["difference"]
    return {test: entry["why"] for entry in entries for test in entry["tests"]}


@cache
def _source() -> Path:
    """The unpacked source distribution of the installed version."""
    url, digest = _locked()
    directory = CACHE / f"{PACKAGE}-{version(PACKAGE)}"
    if not directory.exists():
        content = httpx.get(url, follow_redirects=True, timeout=60).raise_for_status().content
        if hashlib.sha256(content).hexdigest() != digest:
            raise RuntimeError(f"What came from {url} is not what uv.lock names.")
        CACHE.mkdir(exist_ok=True)
        with TemporaryDirectory(dir=CACHE) as unpacking, tarfile.open(fileobj=io.BytesIO(content)) as archive:
            archive.extractall(unpacking, filter="data")
            [unpacked] = Path(unpacking).iterdir()
            unpacked.rename(directory)
    return directory


def _locked() -> tuple[str, str]:
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    [locked] = [package for package in packages if package["name"] == PACKAGE]
    if locked["version"] != version(PACKAGE):
        raise RuntimeError(f"{PACKAGE} {version(PACKAGE)} is installed, and uv.lock names {locked['version']}.")
    return locked["sdist"]["url"], locked["sdist"]["hash"].removeprefix("sha256:")
