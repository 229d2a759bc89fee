"""Records of the log that come by the thousand: a line of JSON each, written together.

They take the short way past structlog and the standard library, and past the redaction: for records whose every value
is Atrium's own, such as a status or an id. A process that is killed loses what it had to say in the last 100 ms.
"""

import asyncio
import atexit
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson

DELAY = 0.1
"""Seconds that a line waits for others at most."""
FULL = 64
"""Lines that are written without waiting."""


class Lines:
    """A buffer before a stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        atexit.register(self.flush)

    def write(self, event: str, level: str, facts: Mapping[str, Any]) -> None:
        record = {**facts, "event": event, "level": level, "timestamp": datetime.now(UTC).isoformat()}
        self._waiting.append(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
        if len(self._waiting) >= FULL:
            self.flush()
        elif self._timer is None:
            try:
                self._timer = asyncio.get_running_loop().call_later(DELAY, self.flush)
            except RuntimeError:  # nobody would come back to it
                self.flush()

    def flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._stream.write(b"".join(waiting).decode())
            self._stream.flush()
