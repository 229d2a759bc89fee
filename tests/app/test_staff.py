"""ORG-6: who runs the platform is said by the command line alone, and felt at once by every process."""

import pytest
from websockets.exceptions import ConnectionClosed

from tests.world import Person, Processes, World, until

FORBIDDEN = 4403


async def test_granting_and_revoking_are_felt_in_every_process(world: World, twin: World, processes: Processes) -> None:
    person = await world.person("Radia")
    elsewhere = Person(twin, person.name, person.email, person.id, person.token)
    assert (await elsewhere.call("me"))["staff"] is False
    for verb, told, staff in [("grant", "is on the staff now", True), ("revoke", "has left the staff", False)]:
        async with person.live() as here, elsewhere.live() as there:
            assert told in processes.run("staff", verb, person.email.upper())
            for socket in (here, there):
                with pytest.raises(ConnectionClosed) as closed:
                    await socket.receive()
                assert closed.value.rcvd and closed.value.rcvd.code == FORBIDDEN
        assert (await elsewhere.call("me"))["staff"] is staff
        answer = await elsewhere.answer("{ queues { name } }")  # with the same token: it is looked up anew
        assert ("errors" not in answer) is staff


async def test_what_is_so_already_ends_nothing(world: World, processes: Processes) -> None:
    assert world.staff
    async with world.staff.live() as socket:
        assert "already" in processes.run("staff", "grant", world.staff.email)
        assert await socket.silent(0.5)


async def test_others_are_not_told_who_is_on_the_staff(company: list[Person], processes: Processes) -> None:
    owner, ada, _ = company
    processes.run("staff", "grant", ada.email)
    try:
        assert (await owner.call("user", id=ada.id))["staff"] is None
    finally:
        processes.run("staff", "revoke", ada.email)


def test_the_list_names_them(world: World, processes: Processes) -> None:
    assert world.staff
    assert world.staff.email in processes.run("staff", "list")


def test_an_unknown_address_is_refused_in_a_sentence(processes: Processes) -> None:
    for verb in ("grant", "revoke"):
        told = processes.run("staff", verb, "nobody.at.all@example.com", status=1)
        assert " ".join(told.split()) == "Nobody has an account with the address nobody.at.all@example.com."


async def test_a_role_says_what_staff_may_do(world: World, processes: Processes) -> None:
    person = await world.person("Katherine")
    told = {}
    for role in ("finance", "support", "admin"):
        processes.run("staff", "grant", person.email, "--role", role)
        await until(lambda role=role: _has(person, role))
        read, control = "{ queues { name } }", "mutation { pauseQueue(input: {queue: SLOW}) @dryRun { __typename } }"
        told[role] = [await _permission(person, read), await _permission(person, control)]
    assert told == {
        "finance": ["platform.operations.read", "platform.operations.control"],
        "support": [None, "platform.operations.control"],
        "admin": [None, None],
    }
    assert "admin" in processes.run("staff", "list")
    processes.run("staff", "revoke", person.email)


async def _has(person: Person, role: str) -> bool:
    return bool((await person.call("me"))["staffRole"] == role.upper())


async def _permission(person: Person, text: str) -> str | None:
    """The permission that is missing to do it."""
    errors = (await person.answer(text)).get("errors", [])
    return errors[0]["extensions"]["permission"] if errors else None
