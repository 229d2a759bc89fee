"""A RabbitMQ of the tests' own: Debian's, without its service, with its data in one directory."""

import os
import shutil
import signal
import socket
from pathlib import Path

from app.dev.children import Child, free_port
from app.dev.embedded import BinaryMissing, Server

_DEBIAN = "/usr/lib/rabbitmq/bin/rabbitmq-server"
"""What Debian's /usr/sbin/rabbitmq-server starts, as another user, which tests cannot be."""
_PROTOCOL = b"AMQP\x00\x00\x09\x01"
_START_FRAME = b"\x01\x00\x00"


class RabbitMQ(Server):
    """One broker without plugins. It keeps what is durable over `kill` and `start`."""

    name = "rabbitmq"

    def __init__(self, directory: Path) -> None:
        self._names_port = free_port()
        super().__init__(directory)
        # Else the broker starts one that outlives it.
        self._names = Child("epmd", [_program("epmd"), "-port", str(self._names_port)], self.directory)

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def _command(self) -> list[str]:
        program = _DEBIAN if os.access(_DEBIAN, os.X_OK) else _program("rabbitmq-server")
        for file, content in (("plugins", "[]."), ("rabbitmq.conf", "")):
            (self.directory / file).write_text(content)
        environment = {
            "HOME": self.directory,
            "RUNNING_UNDER_SYSTEMD": "1",  # the process is the broker itself, not a shell beside it
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": self._names_port,
            "RABBITMQ_NODENAME": f"test{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": self.port,
            "RABBITMQ_DIST_PORT": free_port(),
            "RABBITMQ_MNESIA_BASE": self.directory / "data",
            "RABBITMQ_LOG_BASE": self.directory / "logs",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": self.directory / "rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": self.directory / "none",
            "RABBITMQ_ENABLED_PLUGINS_FILE": self.directory / "plugins",
        }
        return [_program("env"), *(f"{name}={value}" for name, value in environment.items()), program]

    def launch(self) -> None:
        if not self._names.running:
            self._names.start()
        super().launch()

    def stop(self) -> None:
        super().stop()
        self._names.stop()

    def kill(self) -> None:
        """As a crash would end it."""
        self.process.kill()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self.process.pid
        os.kill(self.process.pid, number)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 0.5) as probe:
                probe.settimeout(0.5)
                probe.sendall(_PROTOCOL)
                return probe.recv(3) == _START_FRAME
        except OSError:
            return False


def _program(name: str) -> str:
    if path := shutil.which(name):
        return path
    raise BinaryMissing(f"There is no {name} on this machine: apt-get install rabbitmq-server")
