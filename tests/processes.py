"""Programs of Atrium as processes of their own, for tests of how they start and stop."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

ATRIUM = [sys.executable, "-m", "app.cli"]


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without what names servers and data, then the changes."""
    ours = ("MONGODB_URI", "REDIS_URL", "PORT", "DATA_DIR", "FRESH")
    return {**{k: v for k, v in os.environ.items() if k not in ours}, "DRAIN_SECONDS": "0", **changes}


def wait_until(holds: Callable[[], object], seconds: float, what: str) -> None:
    """Return as soon as it holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.02)


class Program:
    """A process with its output in a file, killed with its children at the end whatever happened."""

    def __init__(self, command: list[str], env: Mapping[str, str], output: Path, port: int = 0) -> None:
        self.port, self._output = port, output
        self._command, self._env = command, env

    def __enter__(self) -> Self:
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(self._command, env=self._env, stdout=output, stderr=subprocess.STDOUT)
        self._psutil = psutil.Process(self.process.pid)
        self._family = [self._psutil]
        return self

    def __exit__(self, *_: object) -> None:
        for process in [*self.family(), *self._family]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(10)

    @property
    def output(self) -> str:
        return self._output.read_text(errors="replace")

    def family(self) -> list[psutil.Process]:
        """The process and everything that it started and that still runs."""
        with suppress(psutil.NoSuchProcess):
            self._family = [self._psutil, *self._psutil.children(recursive=True)]
        return self._family

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and JSON of an answer; status 0 when nobody listens."""
        try:
            # Nothing is verified: to read the certificates that are trusted takes 20 ms of a core, each time.
            response = httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=10, trust_env=False, verify=False)
        except httpx.TransportError:
            return 0, {}
        return response.status_code, json.loads(response.text)

    def wait_for(self, path: str, status: int, seconds: float = 60) -> None:
        def answered() -> bool:
            assert self.process.poll() is None, self.output
            return self.get(path)[0] == status

        try:
            wait_until(answered, seconds, f"{path} answers {status}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.get(path)}\n{self.output}") from None

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def exit_status(self, seconds: float = 40) -> int:
        return self.process.wait(seconds)
