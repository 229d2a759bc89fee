"""Ports that stay a server's own while it is down."""

import random
import socket
from contextlib import suppress


def quiet_port() -> int:
    """A free port below those that outgoing connections get, so that none takes it while its server is down."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
