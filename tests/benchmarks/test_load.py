"""Clients notice a wrong answer: whatever is counted is right."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from benchmarks.clients import post
from benchmarks.figures import WrongAnswer
from benchmarks.peers import frames
from benchmarks.peers.load import Exchange, hammer

BODY = b'{"data":{"courses":[1,2,3,4,5,6,7,8,9]}}'
REQUEST = post("/graphql", b"{}")


def answer(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def chunked(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


@asynccontextmanager
async def served(answer_to: Callable[[int], bytes]) -> AsyncIterator[int]:
    """A server whose n-th answer is this; its port."""
    count = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        while await reader.read(65_536):
            count += 1
            writer.write(answer_to(count))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port: int = server.sockets[0].getsockname()[1]
        yield port


@pytest.mark.parametrize("framed", [answer, chunked])
async def test_right_answers_are_counted(framed: Callable[[bytes], bytes]) -> None:
    async with served(lambda _: framed(BODY)) as port:
        exchange = await Exchange.tried(port, REQUEST, lambda body: body == BODY)
        one = await hammer(exchange, 2, 0.5, {})
    assert one.errors == 0
    assert one.operations > 2


@pytest.mark.parametrize(
    "wrong",
    [
        answer(BODY[:-1]),
        answer(BODY + b" "),
        answer(BODY[:-3] + b"0]}"),
        answer(BODY, "500 Oh"),
    ],
)
async def test_a_wrong_answer_is_an_error(wrong: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.peers.load.PATIENCE", 2.0)  # for what is too short is waited for
    monkeypatch.setattr("benchmarks.peers.load.SETTLE_SECONDS", 0.0)
    # Trying takes two requests and the warm-up one of each client: the second that is measured goes wrong.
    async with served(lambda count: wrong if count == 6 else answer(BODY)) as port:
        exchange = await Exchange.tried(port, REQUEST, lambda body: body == BODY)
        assert (await hammer(exchange, 2, 0.5, {})).errors == 1


async def test_who_answers_wrongly_is_not_measured() -> None:
    async with served(lambda _: answer(BODY)) as port:
        with pytest.raises(WrongAnswer, match="courses"):
            await Exchange.tried(port, REQUEST, lambda body: body == b"{}")


@pytest.mark.parametrize("size", [0, 125, 126, 65_535])
def test_a_frame_is_taken_when_it_is_whole(size: int) -> None:
    payload = b"x" * size
    frame = bytes(frames.text(payload.decode()))
    unmasked = bytes((frame[0], frame[1] & 0x7F)) + frame[2:].replace(bytes(4), b"", 1)
    buffer = bytearray(unmasked[:-1])
    assert list(frames.take(buffer)) == []
    buffer += unmasked[-1:] + unmasked
    assert list(frames.take(buffer)) == [(frames.TEXT, payload)] * 2
    assert not buffer
