"""WebSocket frames that are made once and sent to many.

Source: RFC 6455, section 5.2. Frames of a server carry no mask, so all sockets can be sent the same bytes.
"""

_TEXT, _PING = 0x81, 0x89
_HEAD = b'{"id":'


class Next:
    """One result of a subscription as a `next` message; only the operation's id differs between its readers."""

    __slots__ = ("_frame", "_id", "_tail", "size")

    def __init__(self, payload: bytes) -> None:
        """`payload` is the result in JSON."""
        self.size = len(payload)
        self._tail = b',"type":"next","payload":' + payload + b"}"
        self._id = self._frame = b""

    def message(self, id: bytes) -> bytes:
        """The message under an id, which is given in JSON."""
        return b"".join((_HEAD, id, self._tail))

    def frame(self, id: bytes) -> bytes:
        """The message in a text frame; clients that number their operations alike get the very same bytes."""
        if id != self._id:
            length = len(_HEAD) + len(id) + len(self._tail)
            self._frame = b"".join((_header(_TEXT, length), _HEAD, id, self._tail))
            self._id = id
        return self._frame


def text(message: bytes) -> bytes:
    """A text frame."""
    return _header(_TEXT, len(message)) + message


def ping(payload: bytes) -> bytes:
    """A ping of at most 125 bytes."""
    return _header(_PING, len(payload)) + payload


def _header(opcode: int, length: int) -> bytes:
    if length < 126:
        return bytes((opcode, length))
    if length < 65_536:
        return bytes((opcode, 126)) + length.to_bytes(2, "big")
    return bytes((opcode, 127)) + length.to_bytes(8, "big")
