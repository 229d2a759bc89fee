"""Child processes that do not outlive their parent."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

LOG_TAIL_LINES = 10
SWEEP_SECONDS = 30

_DIES_WITH_PARENT = (
    "import ctypes, os, sys\n"
    "ctypes.CDLL(None).prctl(1, 15)\n"  # PR_SET_PDEATHSIG, SIGTERM; kept over exec
    "os.getppid() == int(sys.argv[1]) or sys.exit('the parent is gone')\n"
    "os.execv(sys.argv[2], sys.argv[2:])\n"
)


class ChildFailed(Exception):
    """A child process ended before it was of use; the message shows the end of its log."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Child:
    """One program, started in its own session so that Ctrl-C reaches its parent alone.

    On Linux the kernel sends it SIGTERM when the thread that called `start` ends, whatever ended it; so start it
    from the main thread. Elsewhere `sweep` removes what a killed parent left behind. Its output goes to `<name>.log`
    in `directory`, or to the terminal; `<name>.pid` is there too. A directory has one owner at a time.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        directory: Path,
        *,
        environment: Mapping[str, str] | None = None,
        to_terminal: bool = False,
    ) -> None:
        self.name, self.command, self.environment = name, list(command), environment
        self._to_terminal = to_terminal
        self.log_file, self.pid_file = directory / f"{name}.log", directory / f"{name}.pid"
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = False

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def exit_status(self) -> int | None:
        """None while it runs. Minus the signal's number when a signal ended it."""
        return self._process.poll() if self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        self.sweep()
        command = self.command
        if sys.platform == "linux":
            # A launcher and not `preexec_fn`, which is unsafe where threads run.
            command = [sys.executable, "-I", "-S", "-c", _DIES_WITH_PARENT, str(os.getpid()), *command]
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=None if self._to_terminal else log,
                stderr=None if self._to_terminal else log,
                env=None if self.environment is None else dict(self.environment),
                start_new_session=True,
            )
        self._asked = False
        self.pid_file.write_text(_identity(psutil.Process(self._process.pid)))

    def terminate(self) -> None:
        """Ask it to stop, once, for programs take a second SIGTERM for impatience.

        SIGCONT lets one that was stopped by a signal hear it.
        """
        if self._process is not None and not self._asked:
            self._asked = True
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()

    def stop(self, grace_seconds: float = 30) -> None:
        """SIGTERM, and SIGKILL after the grace; returns when the process is gone."""
        if self._process is None:
            return
        self.terminate()
        try:
            self._process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None
        self.pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """SIGKILL, as a crash would be."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def sweep(self) -> None:
        """End the process that a killed owner of this directory left behind, if it still runs."""
        with suppress(OSError, ValueError, psutil.Error):
            written = self.pid_file.read_text()
            left = psutil.Process(int(written.split()[0]))
            if _identity(left) == written:
                left.terminate()
                left.wait(SWEEP_SECONDS)

    def log_tail(self) -> str:
        """The last lines of the log for an error message; of a log in mongod's JSON the last errors, if it has any."""
        try:
            lines = self.log_file.read_text(errors="replace").splitlines()
        except OSError:
            return ""
        errors = [line for line in lines if '"s":"E"' in line or '"s":"F"' in line]
        return "\n".join((errors or lines)[-LOG_TAIL_LINES:])


def _identity(process: psutil.Process) -> str:
    """A pid alone may be another program's by now; with its start it is not."""
    return f"{process.pid} {process.create_time()}"
