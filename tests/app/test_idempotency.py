"""Idempotency keys: a request that is sent twice happens once and is answered twice."""

import asyncio
import json
from typing import Any

import pytest

from tests import documents
from tests.app.scenes import CALLS, scene
from tests.app.states import REFUSED
from tests.world import Person, World

LEAVING = ("signOut", "leaveOrganization")
"""After the first time, nobody is there who could repeat it."""
ENDING = (
    "suspendMember",
    "removeMember",
    "deleteMessage",
    "switchOrganization",
    "revokeOtherSessions",
    "removePasskey",
    "resetPassword",
    "unlinkIdentity",
)
"""They leave less to do for those after them."""
UNKNOWN_THERE = (
    "beginCheckout",
    "beginPaymentSetup",
    "beginPayoutOnboarding",
    "openBillingPortal",
    "payForEscrow",
    "payInvoice",
    "topUpWallet",
)
"""A scene's people are known here, and to no provider: it refuses them, the second time as the first."""
NOW = {"cursor": None, "pdfUrl": None}
"""What is as of when it is read: where one reads, and a file that a job has made meanwhile."""
MUTATIONS = [name for name, kind in documents.KINDS.items() if kind == "mutation" and name not in LEAVING]
MUTATIONS.sort(key=lambda name: name in ENDING)


async def test_every_mutation_answers_a_repeated_request_as_the_first_time(world: World) -> None:
    stage, refused = await scene(await _people(world)), REFUSED | dict.fromkeys(UNKNOWN_THERE, "PAYMENT_REFUSED")
    for name in MUTATIONS:
        given = {**CALLS[name](stage), "idempotencyKey": f"once-{name}"}
        first = await _answer(stage.caller(name), name, given)
        if "code" in first and name not in refused:  # one of those before it has left nothing to do
            stage = await scene(await _people(world))
            given = {**CALLS[name](stage), "idempotencyKey": f"once-{name}"}
            first = await _answer(stage.caller(name), name, given)
        second = await _answer(stage.caller(name), name, given)
        assert "code" not in first or first["code"] == refused.get(name), (name, first)
        assert {**first, **NOW} == {**second, **NOW}, name


async def _people(world: World) -> list[Person]:
    """Who have tried nothing yet, and blocked nobody."""
    return [await world.person(name) for name in ("Olivia", "Ada", "Grace", "Edsger")]


@pytest.mark.parametrize("by", ["header", "argument"])
async def test_a_repeated_message_is_sent_once(company: list[Person], by: str) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace)
    given: dict[str, Any] = {"input": {"conversationId": conversation, "text": "Once 🙂"}}
    sent = [await _send(ada, given, f"key-{by}", by) for _ in range(3)]
    assert sent[0] == sent[1] == sent[2]
    assert await _texts(ada, conversation) == ["Once 🙂"]
    other = {"input": {"conversationId": conversation, "text": "Other"}}
    refused = await _send(ada, other, f"key-{by}", by)
    assert (refused["__typename"], refused["code"]) == ("ConflictError", "IDEMPOTENCY_KEY_REUSED")
    assert await _texts(ada, conversation) == ["Once 🙂"]


async def test_twenty_at_once_have_one_effect(company: list[Person], twin: World) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace)
    elsewhere = Person(twin, ada.name, ada.email, ada.id, ada.token)
    given: dict[str, Any] = {"input": {"conversationId": conversation, "text": "Once"}, "idempotencyKey": "at once"}
    answers = await asyncio.gather(*(person.call("sendMessage", **given) for person in [ada, elsewhere] * 10))
    assert len({json.dumps(answer) for answer in answers}) == 1
    assert await _texts(ada, conversation) == ["Once"]


async def test_keys_of_different_people_and_mutations_are_different(company: list[Person]) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace)
    given: dict[str, Any] = {"input": {"conversationId": conversation, "text": "Mine"}, "idempotencyKey": "the same"}
    first, second = await ada.call("sendMessage", **given), await grace.call("sendMessage", **given)
    assert first["id"] != second["id"]
    edit: dict[str, Any] = {"input": {"messageId": first["id"], "text": "Ours"}, "idempotencyKey": "the same"}
    assert (await ada.call("editMessage", **edit))["text"] == "Ours"


async def test_a_repeated_sign_in_or_refresh_gives_the_same_tokens(people: list[Person]) -> None:
    """A client whose first answer was lost is not signed out by its second try."""
    ada = await people[1].again()
    anybody = Person(ada.world, "Anybody", "")
    given: dict[str, Any] = {"input": {"refreshToken": ada.refresh_token}, "idempotencyKey": "lost answer"}
    first = await anybody.call("refreshSession", **given)
    assert await anybody.call("refreshSession", **given) == first
    anybody.token = first["accessToken"]
    assert (await anybody.call("me"))["id"] == ada.id
    signed_in = [await people[1].again() for _ in range(2)]
    assert signed_in[0].refresh_token != signed_in[1].refresh_token


async def test_a_refusal_is_not_kept(company: list[Person]) -> None:
    owner = company[0]
    given: dict[str, Any] = {"input": {"name": "Renamed", "expectedVersion": 7}, "idempotencyKey": "later"}
    assert (await owner.call("updateOrganization", **given))["code"] == "VERSION_CONFLICT"
    for _ in range(6):
        await owner.call("updateOrganization", input={"name": "Again"})
    assert (await owner.call("updateOrganization", **given))["name"] == "Renamed"


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_a_key_has_a_length(company: list[Person], key: str) -> None:
    refused = await company[0].call("updateOrganization", input={"name": "Any"}, idempotencyKey=key)
    assert (refused["code"], refused["path"]) == ("INVALID", ["idempotencyKey"])


async def _answer(person: Person, name: str, given: dict[str, Any]) -> dict[str, Any]:
    text, variables = documents.operation(name, given, depth=1)
    return dict((await person.ask(text, **variables))["a0"])


async def _send(person: Person, given: dict[str, Any], key: str, by: str) -> dict[str, Any]:
    if by == "argument":
        return await _answer(person, "sendMessage", {**given, "idempotencyKey": key})
    text, variables = documents.operation("sendMessage", given, depth=1)
    response = await person.post(text, variables, **{"Idempotency-Key": key})
    return dict(response.json()["data"]["a0"])


async def _texts(person: Person, conversation: str) -> list[str]:
    found = await person.call("conversation", id=conversation)
    return [message["text"] for message in found["messages"]["nodes"]]
