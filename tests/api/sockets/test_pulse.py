"""One timer pings every socket of a server once in an interval, and ends those that did not answer."""

import asyncio

import uvicorn

from app.api.pulse import STEPS, Pulse


class Socket:
    def __init__(self) -> None:
        self.pings: list[tuple[float, bytes, bytes]] = []

    def beat(self, payload: bytes, frame: bytes) -> None:
        self.pings.append((asyncio.get_running_loop().time(), payload, frame))


async def test_each_socket_has_its_turn_once_in_an_interval() -> None:
    pulse, loop = Pulse(0.4), asyncio.get_running_loop()
    early, late = Socket(), Socket()
    begun = loop.time()
    pulse.add(early)
    await asyncio.sleep(0.2)
    pulse.add(late)
    while len(late.pings) < 3:
        await asyncio.sleep(0.01)
    assert early.pings[0][0] - begun >= 0.4 * (STEPS - 1) / STEPS, "never sooner than that"
    assert len(early.pings) - len(late.pings) in (0, 1)
    assert len({payload for _, payload, _ in [*early.pings, *late.pings]}) == len(early.pings) + len(late.pings)
    assert all(frame.endswith(payload) for _, payload, frame in early.pings)
    for socket in (early, late):
        pulse.discard(socket)


async def test_the_timer_rests_while_there_is_nobody() -> None:
    pulse, socket = Pulse(0.04), Socket()
    pulse.add(socket)
    pulse.discard(socket)
    await asyncio.sleep(0.1)
    assert pulse._timer is None
    pulse.add(socket)
    while not socket.pings:
        await asyncio.sleep(0.01)
    pulse.discard(socket)


def test_servers_of_one_process_have_their_own() -> None:
    one, other = uvicorn.Config("app"), uvicorn.Config("app")
    assert Pulse.of(one) is Pulse.of(one)
    assert Pulse.of(one) is not Pulse.of(other)
