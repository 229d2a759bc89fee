"""ORG-5: from where the members of an organization, and everybody, may come; the proxy says from where they do."""

import json
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.world import Person, World, until

HERE, THERE = "10.0.0.1", "198.51.100.7"
FORBIDDEN = 4403


async def test_who_comes_from_elsewhere_is_refused_at_every_door(company: list[Person]) -> None:
    owner, ada, _ = company
    assert await _code(ada, THERE) is None
    rules = {"allowed": ["10.0.0.0/8", "2001:db8::/32"], "denied": ["10.0.0.9"]}
    set = await owner.call("setNetworkRules", input=rules)
    assert set["networkRules"]["allowedNetworks"] == ["10.0.0.0/8", "2001:db8::/32"]
    assert set["networkRules"]["deniedNetworks"] == ["10.0.0.9/32"]
    await until(lambda: _is_refused(ada, THERE))
    assert await _code(ada, "2001:db8::5") is None
    assert await _code(ada, "10.0.0.9") == "ADDRESS_REFUSED"
    assert await _code(ada, HERE) is None
    assert await _socket(ada, THERE) == FORBIDDEN
    assert await _socket(ada, HERE) is None
    assert (await ada.call("organization"))["networkRules"] is None  # members need not know
    elsewhere = await ada.world.person("Barbara")
    assert await _code(elsewhere, THERE) is None  # it is this organization's rule
    await owner.call("setNetworkRules", input={})
    await until(lambda: _is_admitted(ada, THERE))


async def test_a_socket_that_is_open_ends_with_the_rules(company: list[Person], twin: World) -> None:
    owner, ada, _ = company
    there = await ada.again(twin)
    async with there.live() as socket:
        await owner.call("setNetworkRules", input={"allowed": ["10.0.0.0/8"]})
        try:
            await socket.receive(5)
        except ConnectionClosed as closed:
            assert closed.rcvd and closed.rcvd.code == FORBIDDEN
        else:
            raise AssertionError("it stayed open")


async def test_nobody_locks_themselves_out(company: list[Person]) -> None:
    owner = company[0]
    for rules in ({"allowed": ["198.51.100.0/24"]}, {"denied": ["10.0.0.0/8"]}, {"denied": ["0.0.0.0/0"]}):
        assert (await owner.call("setNetworkRules", input=rules))["code"] == "LOCKS_OUT"
    assert (await owner.call("setNetworkRules", input={"allowed": ["10.0.0.1/33"]}))["code"] == "INVALID"
    staff = owner.world.staff
    assert staff
    refused = await staff.call("setPlatformNetworkRules", input={"denied": ["10.0.0.0/8"]})
    assert refused["code"] == "LOCKS_OUT"
    assert await owner.refused("setPlatformNetworkRules", input={}) == "FORBIDDEN"


async def test_the_platform_refuses_everybody_from_somewhere(company: list[Person], twin: World) -> None:
    staff, ada = company[0].world.staff, company[1]
    assert staff
    nobody = Person(twin, "Nobody", "")
    there = await ada.again(twin)
    await staff.call("setPlatformNetworkRules", input={"denied": ["198.51.100.0/24"]})
    try:
        for person in (ada, there, nobody):
            await until(lambda person=person: _is_refused(person, THERE))
            assert await _code(person, HERE) is None
    finally:
        await staff.call("setPlatformNetworkRules", input={})
    await until(lambda: _is_admitted(nobody, THERE))


async def _code(person: Person, address: str) -> str | None:
    """The code with which somebody who comes from there is refused."""
    response = await person.post("{ __typename }", None, **{"X-Forwarded-For": address})
    errors: list[Any] = response.json().get("errors", [])
    return errors[0]["extensions"]["code"] if errors else None


async def _is_refused(person: Person, address: str) -> bool:
    return await _code(person, address) == "ADDRESS_REFUSED"


async def _is_admitted(person: Person, address: str) -> bool:
    return await _code(person, address) is None


async def _socket(person: Person, address: str) -> int | None:
    """The code with which a socket from there is closed; None when it is acknowledged."""
    headers = {"X-Forwarded-For": address}
    protocols = [Subprotocol("graphql-transport-ws")]
    async with connect(person.world.socket, subprotocols=protocols, additional_headers=headers) as socket:
        payload = {"authorization": f"Bearer {person.token}"}
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        try:
            assert json.loads(await socket.recv())["type"] == "connection_ack"
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 0
        return None
