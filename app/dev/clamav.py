"""A private clamd on 127.0.0.1 for development and tests: the machine's own program, which knows EICAR's virus only."""

import shutil
import socket

from app.dev.embedded import BinaryMissing, Server

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""Harmless, and found by every scanner (https://www.eicar.org)."""


def installed() -> bool:
    """Whether this machine has the program."""
    return shutil.which("clamd") is not None


class ClamAV(Server):
    """One daemon, for content of 30 MB at most. What it passes is not free of real viruses."""

    name = "clamd"

    @property
    def url(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def _command(self) -> list[str]:
        program = shutil.which("clamd")
        if program is None:
            raise BinaryMissing("There is no clamd on this machine: apt-get install clamav-daemon")
        signatures = self.directory / "signatures"
        signatures.mkdir(exist_ok=True)
        (signatures / "eicar.ndb").write_text(f"Eicar-Test-Signature:0:*:{EICAR.hex()}\n")
        said = {
            "Foreground": "yes",
            "DatabaseDirectory": signatures,
            "TCPAddr": "127.0.0.1",
            "TCPSocket": self.port,
            "StreamMaxLength": "30M",
        }
        settings = self.directory / "clamd.conf"
        settings.write_text("".join(f"{name} {value}\n" for name, value in said.items()))
        return [program, f"--config-file={settings}"]

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 0.5) as probe:
                probe.sendall(b"zPING\0")
                return probe.recv(5) == b"PONG\0"
        except OSError:
            return False
