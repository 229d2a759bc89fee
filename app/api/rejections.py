"""HTTP requests that are refused before there is an operation to speak of."""

from collections.abc import Mapping


class Rejected(Exception):
    """The request breaks a rule of the transport: the status that says so, and a sentence on how to mend it."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, dict(headers or {})


class ClientGone(Exception):
    """The client closed the connection before there was an answer."""
