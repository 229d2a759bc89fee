"""As much of RFC 6455 as a client needs that trusts its server."""

from collections.abc import Iterator

TEXT, CLOSE, PING = 0x81, 0x88, 0x89
_PONG = 0x8A
_MASKED, _MASK = 0x80, bytes(4)
"""A mask of zeros: the payload is its own masked form."""
_SHORT, _MEDIUM = 125, 126


def handshake(path: str, subprotocol: str) -> bytes:
    """The request that opens a socket; the server's proof that it understood is not looked at."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Version: 13",
    ]
    if subprotocol:
        lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
    return "\r\n".join([*lines, "", ""]).encode()


def text(payload: str) -> bytes:
    return _frame(TEXT, payload.encode())


def pong(payload: bytes) -> bytes:
    """The answer to a ping with this payload."""
    return _frame(_PONG, payload)


def take(buffer: bytearray) -> Iterator[tuple[int, bytes]]:
    """Take the whole frames at the beginning of a buffer out of it: first byte and payload of each."""
    while len(buffer) >= 2:
        size, start = buffer[1], 2
        if size > _SHORT:
            start = 4 if size == _MEDIUM else 10
            size = int.from_bytes(buffer[2:start], "big")
        if len(buffer) < start + size:
            return
        first, payload = buffer[0], bytes(buffer[start : start + size])
        del buffer[: start + size]
        yield first, payload


def _frame(first: int, payload: bytes) -> bytes:
    size = len(payload)
    head = (
        bytes((first, _MASKED | size))
        if size <= _SHORT
        else bytes((first, _MASKED | _MEDIUM)) + size.to_bytes(2, "big")
    )
    return head + _MASK + payload
