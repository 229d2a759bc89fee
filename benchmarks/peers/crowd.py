"""Thousands of subscribers in one process that costs little: epoll, and frames that are compared and not parsed.

`join`, `hear` and `leave` run in a process of their own, whose crowd they speak to.
"""

import os
import resource
import select
import socket
import time
from dataclasses import dataclass

from benchmarks.figures import WrongAnswer
from benchmarks.peers import frames

CONNECTING = 200
"""Sockets that may be on their way to their subscription at once."""
PATIENCE = 300.0
"""Seconds within which all must listen, and all must have heard an event."""
LISTENING_SECONDS = 2.0
"""How long the first events are waited for, twice as long each time, until one is heard by all."""
NICENESS = 5
"""What measures HTTP on the same core comes first."""

_READ = 65_536
_WORDS = b"Good morning, everybody in this room. Shall we begin?"
_BLANK_LINE = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Speech:
    """What a client says: the path and protocol of its handshake, what it says first, and its answers.

    An answer, if it is not empty, is given to a text that begins with its key; the socket listens when it has met the
    one of key `listens`. `{n}` in an answer stands for the socket's number, in eight digits.
    """

    path: str
    subprotocol: str
    hello: str
    answers: tuple[tuple[str, str], ...]
    listens: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of some events in `seconds`. `times` are those of each delivery, from the moment of its publishing.

    `errors` are deliveries that were lost, repeated, late or of another length; `cpu` are this process's own seconds.
    """

    events: int
    seconds: float
    times: list[float]
    errors: int
    cpu: float


class Crowd:
    def __init__(self, port: int, speech: Speech) -> None:
        self._port, self._speech = port, speech
        self._answers = [(begins.encode(), answer) for begins, answer in speech.answers]
        self._listens = speech.listens.encode()
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._greeted: set[int] = set()
        self._listening: set[int] = set()
        self._begun: dict[int, bytearray] = {}
        """What has come of frames, and of handshakes, that are not whole yet."""
        self._heard: dict[int, int] = {}
        """The number of the last event that each socket heard."""
        self._number = 0
        self._mark = b""
        self._length = 0
        """Of a frame with an event in it; 0 before the first."""
        self._publisher: socket.socket | None = None

    def join(self, count: int) -> None:
        """Open so many sockets, and return when each has heard the same event."""
        deadline = time.perf_counter() + PATIENCE
        while len(self._listening) < count:
            while len(self._sockets) < count and len(self._sockets) - len(self._listening) < CONNECTING:
                self._connect()
            for descriptor, _ in self._epoll.poll(1.0):
                self._take(descriptor, os.read(descriptor, _READ))
            if time.perf_counter() > deadline:
                raise WrongAnswer(f"{len(self._listening)} of {count} sockets listen after {PATIENCE:.0f} seconds.")
        patience = LISTENING_SECONDS
        while self._event([], patience):
            patience *= 2
            if patience > PATIENCE:
                raise WrongAnswer(f"No event was heard by each of {count} sockets.")

    def hear(self, seconds: float, apart: float) -> Heard:
        """Publish events for so long: the next one when all have heard the last, and `apart` seconds after it."""
        times: list[float] = []
        errors = events = 0
        cpu, start = time.process_time(), time.perf_counter()
        due = start
        while not events or due < start + seconds:
            time.sleep(max(0.0, due - time.perf_counter()))
            due = time.perf_counter() + apart
            errors += self._event(times, PATIENCE)
            due, events = max(due, time.perf_counter()), events + 1
        return Heard(events, time.perf_counter() - start, times, errors, time.process_time() - cpu)

    def close(self) -> None:
        for one in self._sockets.values():
            one.close()
        self._epoll.close()

    def _connect(self) -> None:
        one = socket.create_connection(("127.0.0.1", self._port))
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.send(frames.handshake(self._speech.path, self._speech.subprotocol))
        self._sockets[one.fileno()] = one
        self._begun[one.fileno()] = bytearray()
        self._epoll.register(one, select.EPOLLIN)

    def _event(self, times: list[float], patience: float) -> int:
        """Publish an event and let all hear it; how many deliveries of it failed."""
        self._number += 1
        number, heard, length = self._number, self._heard, self._length
        mark = self._mark = f"{number:08}".encode()
        left, errors, sent = len(self._sockets), 0, time.perf_counter()
        publisher = self._publish(_WORDS + b" " + mark)
        while left and time.perf_counter() < sent + patience:
            for descriptor, _ in self._epoll.poll(1.0):
                data = os.read(descriptor, _READ)
                if (
                    len(data) == length
                    and mark in data
                    and descriptor not in self._begun
                    and heard[descriptor] < number
                ):
                    times.append(time.perf_counter() - sent)
                    heard[descriptor] = number
                    left -= 1
                elif descriptor == publisher.fileno():
                    if not data.startswith(b"HTTP/1.1 204"):
                        raise WrongAnswer(f"Publishing was answered with {data!r}")
                else:
                    good, bad = self._take(descriptor, data)
                    times += [time.perf_counter() - sent] * good
                    left, errors = left - good, errors + bad
        self._epoll.unregister(publisher)
        publisher.close()
        return left + errors

    def _publish(self, text: bytes) -> socket.socket:
        publisher = socket.create_connection(("127.0.0.1", self._port))
        head = f"POST /publish HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(text)}\r\n\r\n"
        publisher.send(head.encode() + text)
        self._epoll.register(publisher, select.EPOLLIN)
        return publisher

    def _take(self, descriptor: int, data: bytes) -> tuple[int, int]:
        """Read frame by frame what is not simply the event; how many deliveries of it were there, good and bad."""
        if not data:
            raise WrongAnswer("The server closed a socket.")
        buffer = self._begun.setdefault(descriptor, bytearray())
        buffer += data
        if descriptor not in self._greeted and not self._shook_hands(descriptor, buffer):
            return 0, 0
        good = bad = 0
        for first, payload in frames.take(buffer):
            if first == frames.PING:
                self._sockets[descriptor].send(frames.pong(payload))
            elif first != frames.TEXT:
                raise WrongAnswer(f"The server sent a frame {first:#x} with {payload!r}")
            elif not self._answered(descriptor, payload):
                if self._is_event(descriptor, payload):
                    good += 1
                else:
                    bad += 1
        if not buffer:
            del self._begun[descriptor]
        return good, bad

    def _shook_hands(self, descriptor: int, buffer: bytearray) -> bool:
        end = buffer.find(_BLANK_LINE)
        if end < 0:
            return False
        if not buffer.startswith(b"HTTP/1.1 101"):
            raise WrongAnswer(f"A handshake was answered with {bytes(buffer)!r}")
        del buffer[: end + len(_BLANK_LINE)]
        self._greeted.add(descriptor)
        self._heard[descriptor] = 0
        if self._speech.hello:
            self._sockets[descriptor].send(frames.text(self._speech.hello))
        return True

    def _answered(self, descriptor: int, payload: bytes) -> bool:
        """Whether this was a word of the protocol; it has its answer then."""
        for begins, answer in self._answers:
            if payload.startswith(begins):
                if answer:
                    said = answer.replace("{n}", f"{descriptor:08}")
                    self._sockets[descriptor].send(frames.text(said))
                if begins == self._listens:
                    self._listening.add(descriptor)
                return True
        return False

    def _is_event(self, descriptor: int, payload: bytes) -> bool:
        """Whether this is the present event, heard for the first time; the first one says how long events are."""
        if _WORDS not in payload:
            raise WrongAnswer(f"The server said {payload.decode()}")
        head = 2 if len(payload) < 126 else 4
        self._length = self._length or len(payload) + head
        new = self._mark in payload and self._heard[descriptor] < self._number
        self._heard[descriptor] = max(self._heard[descriptor], self._number if new else 0)
        return new and len(payload) + head == self._length


_crowd: Crowd | None = None


def join(port: int, speech: Speech, count: int) -> float:
    """Open so many sockets that subscribe, and return when each has heard an event; the seconds that it took."""
    global _crowd
    os.nice(max(0, NICENESS - os.nice(0)))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    start = time.perf_counter()
    _crowd = Crowd(port, speech)
    _crowd.join(count)
    return time.perf_counter() - start


def hear(seconds: float, apart: float = 0.0) -> Heard:
    assert _crowd is not None
    return _crowd.hear(seconds, apart)


def leave() -> None:
    """Close every socket."""
    global _crowd
    if _crowd is not None:
        _crowd.close()
        _crowd = None
