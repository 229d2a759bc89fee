"""Where a process listens."""

import socket


class PortInUse(Exception):
    """The port cannot be listened on; the message names it."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises PortInUse."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise PortInUse(f"Cannot listen on port {port} of {host}: {error.strerror}. Choose another: PORT=...") from None
