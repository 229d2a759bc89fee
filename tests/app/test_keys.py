"""ID-11: API keys, from their making to their end."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from websockets.exceptions import ConnectionClosed

from app.core.clock import now
from app.services.identity import keysecrets
from tests.world import Person, World, until

FORBIDDEN = 4403
SECRET = re.compile(r"atr_live_[0-9A-Za-z]{49}")


async def made(by: Person, *scopes: str, **given: Any) -> tuple[dict[str, Any], Person]:
    """A new key, and a client that uses it."""
    asked = {"name": "Till", "scopes": list(scopes or ["members.read"]), **given}
    answer = await by.call("createApiKey", input=asked)
    assert answer["__typename"] == "MadeApiKey", answer
    return answer["key"], Person(by.world, "Till", "", token=answer["secret"])


async def refused(key: Person) -> bool:
    return (await key.post("{ __typename }")).status_code == 401


async def test_a_key_does_what_its_scopes_say_and_no_more(company: list[Person]) -> None:
    key, till = await made(company[0])
    assert len((await till.call("members"))["nodes"]) == 3
    assert (await till.call("organization"))["id"] == company[0].organization
    assert await till.refused("updateOrganization", input={"name": "Mine"}) == "FORBIDDEN"
    assert await till.refused("me") == "PERSON_NEEDED"
    assert await till.refused("apiKeys") == "FORBIDDEN"
    assert key["scopes"] == ["members.read"]


async def test_a_secret_is_shown_once_and_scanners_can_find_it(company: list[Person]) -> None:
    key, till = await made(company[0])
    assert SECRET.fullmatch(till.token)
    assert till.token.startswith(key["hint"])
    answer = await company[0].answer("{ apiKeys { nodes { id name hint scopes use state madeBy { id } } } }")
    [listed] = [one for one in answer["data"]["apiKeys"]["nodes"] if one["id"] == key["id"]]
    assert listed["madeBy"]["id"] == company[0].id
    assert till.token not in str(answer)
    store = company[0].world.store
    assert store is not None
    row = await store["api_keys"].find_one({"_id": ObjectId(key["id"].partition("_")[2])})
    assert till.token not in str(row)
    assert till.token[len(keysecrets.SECRET) + 4 :].encode() not in b"".join(row["hashes"])  # type: ignore[index]


async def test_nobody_makes_or_turns_a_key_that_may_more_than_they(company: list[Person]) -> None:
    owner, ada, grace = company
    await owner.call("changeMemberRole", input={"userId": ada.id, "role": "ADMIN"})
    await until(lambda: _may(ada))
    above = await ada.call("createApiKey", input={"name": "x", "scopes": ["organization.update", "members.read"]})
    assert (above["code"], above["path"]) == ("SCOPE_ABOVE", ["input", "scopes"])
    key, _ = await made(owner, "organization.update")
    turned = await ada.call("rotateApiKey", input={"keyId": key["id"]})
    assert turned["code"] == "FORBIDDEN"
    [seen] = [one for one in (await ada.call("apiKeys"))["nodes"] if one["id"] == key["id"]]
    assert {one["name"]: one["blockedReason"] for one in seen["availableTransitions"]} == {
        "rotate": "It may do more than you: organization.update.",
        "revoke": None,
        "suspend": "Only the platform does this.",
    }
    assert await grace.refused("createApiKey", input={"name": "x", "scopes": ["members.read"]}) == "FORBIDDEN"


@pytest.mark.parametrize("scope", ["messages.send", "keys.manage", "members.manage", "*", "", "nothing"])
async def test_what_people_do_in_their_name_no_key_can_do(company: list[Person], scope: str) -> None:
    answer = await company[0].call("createApiKey", input={"name": "x", "scopes": [scope]})
    assert (answer["code"], answer["path"][:2]) == ("INVALID", ["input", "scopes"])


async def test_a_revoked_key_ends_at_once_in_every_process_and_closes_its_sockets(
    company: list[Person], twin: World
) -> None:
    key, till = await made(company[0])
    elsewhere = Person(twin, "Till", "", token=till.token)
    assert (await elsewhere.call("members"))["nodes"]  # the other process knows the key from here on
    async with elsewhere.live() as there, till.live() as here:
        assert (await company[0].call("revokeApiKey", input={"keyId": key["id"]}))["state"] == "REVOKED"
        for socket in (there, here):
            with pytest.raises(ConnectionClosed) as closed:
                await socket.receive(5)
            assert closed.value.rcvd and closed.value.rcvd.code == FORBIDDEN
    await until(lambda: refused(elsewhere))
    await until(lambda: refused(till))
    again = await company[0].call("revokeApiKey", input={"keyId": key["id"]})
    assert again["code"] == "ILLEGAL_TRANSITION"


async def test_after_a_rotation_both_secrets_are_good_until_the_first_ends(company: list[Person]) -> None:
    owner = company[0]
    key, till = await made(owner)
    second = await _turned(owner, key, 1)
    assert not await refused(till)
    assert not await refused(second)
    third = await _turned(owner, key, 0)
    await until(lambda: refused(second))  # no overlap: what it had ends now
    await until(lambda: refused(till))
    assert not await refused(third)


async def test_the_secret_before_ends_with_the_overlap(company: list[Person]) -> None:
    key, till = await made(company[0])
    second = await _turned(company[0], key, 1)
    await _set(company[0], key, overlap_until=now() - timedelta(seconds=1))
    assert await refused(till)
    assert not await refused(second)


async def test_a_rotation_leaves_sockets_open_until_the_secret_they_came_with_ends(company: list[Person]) -> None:
    owner = company[0]
    key, till = await made(owner)
    async with till.live() as socket:
        await owner.call("rotateApiKey", input={"keyId": key["id"], "overlapHours": 1})
        assert await socket.silent(0.3)
        await owner.call("rotateApiKey", input={"keyId": key["id"], "overlapHours": 0})
        with pytest.raises(ConnectionClosed):
            await socket.receive(5)


async def test_of_twenty_rotations_at_once_one_is_kept(company: list[Person]) -> None:
    key, _ = await made(company[0])
    given = {"keyId": key["id"], "overlapHours": 0}
    answers = await asyncio.gather(*(company[0].call("rotateApiKey", input=given) for _ in range(20)))
    good = [one["secret"] for one in answers if one["__typename"] == "MadeApiKey"]
    clients = [Person(company[0].world, "Till", "", token=secret) for secret in good]
    await until(lambda: _only_one(clients))


async def test_a_key_ends_when_its_time_is_over(company: list[Person]) -> None:
    key, till = await made(company[0], lifetimeDays=1)
    await _set(company[0], key, expires_at=now() - timedelta(seconds=1))
    assert await refused(till)
    endless, _ = await made(company[0], lifetimeDays=None)
    assert endless["expiresAt"] is None


async def test_its_last_use_is_noted_once_a_minute(company: list[Person]) -> None:
    owner = company[0]
    key, till = await made(owner)
    assert key["usedAt"] is None
    await till.call("members")
    first = await _used_at(owner, key)
    assert first
    await till.call("members")
    assert await _used_at(owner, key) == first


@pytest.mark.parametrize("change", ["checksum", "letter", "short", "long", "unicode"])
async def test_what_is_no_key_by_its_checksum_is_not_looked_up(company: list[Person], change: str) -> None:
    _, till = await made(company[0])
    secret = till.token
    till.token = {
        "checksum": secret[:-1] + ("a" if secret[-1] != "a" else "b"),
        "letter": secret[:20] + ("a" if secret[20] != "a" else "b") + secret[21:],
        "short": secret[:-7],
        "long": secret + "0",
        "unicode": secret[:-1] + "%C3%A9",
    }[change]
    response = await till.post("{ __typename }")
    assert response.status_code == 401
    assert response.json()["errors"][0]["message"] == "That is none of our API keys."


async def test_a_rehearsed_key_opens_nothing(company: list[Person]) -> None:
    given = '{name: "x", scopes: ["members.read"]}'
    query = f"mutation {{ createApiKey(input: {given}) @dryRun {{ ... on MadeApiKey {{ secret }} }} }}"
    secret = (await company[0].ask(query))["createApiKey"]["secret"]
    assert await refused(Person(company[0].world, "Till", "", token=secret))


async def test_a_retry_with_the_same_idempotency_key_answers_the_same_secret(company: list[Person]) -> None:
    owner, given = company[0], {"name": "x", "scopes": ["members.read"]}
    first, second = [await owner.call("createApiKey", input=given, idempotencyKey=owner.organization) for _ in range(2)]
    assert first == second
    assert not await refused(Person(owner.world, "Till", "", token=first["secret"]))


async def test_the_change_log_names_the_key_that_acted(company: list[Person]) -> None:
    key, till = await made(company[0], "organization.update")
    assert (await till.call("updateOrganization", input={"name": "Renamed"}))["name"] == "Renamed"
    store = company[0].world.store
    assert store is not None

    async def told() -> Any:
        return await store["log"].find_one({"a": f"k:{key['id'].partition('_')[2]}"})

    assert (await until(told))["t"] == "OrganizationChanged.1"


async def _turned(owner: Person, key: dict[str, Any], hours: int) -> Person:
    """A client with the key's next secret."""
    turned = await owner.call("rotateApiKey", input={"keyId": key["id"], "overlapHours": hours})
    return Person(owner.world, "Till", "", token=turned["secret"])


async def _set(owner: Person, key: dict[str, Any], **columns: Any) -> None:
    """Let time pass, in the store."""
    assert owner.world.store is not None
    id = {"_id": ObjectId(key["id"].partition("_")[2])}
    await owner.world.store["api_keys"].update_one(id, {"$set": columns})


async def _may(person: Person) -> bool:
    return "errors" not in await person.answer("{ apiKeys { nodes { id } } }")


async def _only_one(clients: list[Person]) -> bool:
    return [await refused(client) for client in clients].count(False) == 1


async def _used_at(owner: Person, key: dict[str, Any]) -> str | None:
    [listed] = [one for one in (await owner.call("apiKeys"))["nodes"] if one["id"] == key["id"]]
    used: str | None = listed["usedAt"]
    return used
