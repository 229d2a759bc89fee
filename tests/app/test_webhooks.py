"""WHK-1 to 3: webhooks, from the making of an endpoint to what arrives there."""

import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.responses import Response

from app.core.clock import now
from tests.receiver import Receiver, receiver
from tests.world import Person, until

MUCH = "{ members(first: 100) { nodes { availableTransitions { name } user { name } } } }"
MEMBERS: dict[str, Any] = {"types": ["MEMBER_CHANGED"], "permissions": ["members.read"]}
ORGANIZATION: dict[str, Any] = {"types": ["ORGANIZATION_CHANGED"], "permissions": []}


@pytest.fixture
async def server() -> AsyncIterator[Receiver]:
    async with receiver() as made:
        yield made


async def made(by: Person, url: str, filter: dict[str, Any] | None = None, **given: Any) -> tuple[str, str]:
    """The id of a new endpoint, and its secret."""
    answer = await by.call("createWebhookEndpoint", input={"url": url, **given}, filter=filter)
    assert answer["__typename"] == "MadeWebhookEndpoint", answer
    return answer["endpoint"]["id"], answer["secret"]


async def endpoint(by: Person, id: str) -> dict[str, Any]:
    [found] = [one for one in (await by.call("webhookEndpoints"))["nodes"] if one["id"] == id]
    return dict(found)


async def renamed(by: Person) -> str:
    name = f"Name {secrets.token_hex(4)}"
    await by.call("updateOrganization", input={"name": name})
    return name


async def deliveries(by: Person, id: str, count: int, state: str = "DELIVERED") -> list[dict[str, Any]]:
    async def there() -> list[dict[str, Any]]:
        found = await by.call("webhookDeliveries", endpointId=id, filter={"state": {"eq": state}})
        return list(found["nodes"]) if len(found["nodes"]) == count else []

    return list(await until(there, 20))


async def test_an_endpoint_is_told_what_its_document_makes_of_an_event(company: list[Person], server: Receiver) -> None:
    owner, ada, _ = company
    document = """query Told {
      webhookEvent { ... on MemberChanged { who: user { name } memberState memberRole } }
      organization { name }
      members(first: 1) { nodes { id } }
    }"""
    above = "{ apiKeys { nodes { id } } }"
    await made(owner, f"{server.url}/above", **MEMBERS, document=above)
    id, secret = await made(owner, f"{server.url}/", **MEMBERS, document=document)
    await owner.call("suspendMember", input={"userId": ada.id})
    [heard] = await server.hears(1)
    assert heard.signed_by(secret)
    assert not heard.signed_by("whsec_" + "A" * 44)
    assert heard.headers["accept-encoding"] == "identity"
    content = heard.content
    assert content["type"] == "member.changed"
    told = {"who": {"name": ada.name}, "memberState": "SUSPENDED", "memberRole": "MEMBER"}
    assert content["data"]["webhookEvent"] == told
    assert content["data"]["organization"]["name"] == "Company"
    assert len(content["data"]["members"]["nodes"]) == 1
    # The document is executed with the endpoint's permissions, not with those of who has made it.
    [refused] = await server.hears(1, "/above")
    assert [error["extensions"]["code"] for error in refused.content["errors"]] == ["FORBIDDEN"]
    [delivery] = await deliveries(owner, id, 1)
    assert delivery["messageId"] == heard.id
    assert [(one["status"], one["answer"]) for one in delivery["attempts"]] == [(200, "ok")]


async def test_filters_choose_among_events_and_the_default_document_is_short(
    company: list[Person], server: Receiver
) -> None:
    owner, ada, grace = company
    chosen = {"and": [{"userId": {"in": [grace.id]}}, {"not": {"state": {"eq": "active"}}}]}
    id, _ = await made(owner, f"{server.url}/", chosen, **MEMBERS)
    for person in (ada, grace):
        await owner.call("suspendMember", input={"userId": person.id})
        await owner.call("reinstateMember", input={"userId": person.id})
    [heard] = await server.hears(1)
    told = heard.content["data"]["webhookEvent"]
    assert (told["__typename"], told["userId"], told["memberState"]) == ("MemberChanged", grace.id, "SUSPENDED")
    assert (await endpoint(owner, id))["filter"]["and"][0] == {"user_id": {"in": [grace.id]}}
    await owner.call("updateWebhookEndpoint", input={"endpointId": id}, filter=None)
    await owner.call("suspendMember", input={"userId": ada.id})
    assert (await server.hears(2))[1].content["data"]["webhookEvent"]["userId"] == ada.id
    assert len(await deliveries(owner, id, 2)) == 2


async def test_a_rotation_signs_twice_for_the_overlap(company: list[Person], server: Receiver) -> None:
    """R60."""
    owner = company[0]
    id, first = await made(owner, f"{server.url}/", **ORGANIZATION)
    turned = await owner.call("rotateWebhookSecret", input={"endpointId": id, "overlapHours": 1})
    await renamed(owner)
    [heard] = await server.hears(1)
    assert len(heard.headers["webhook-signature"].split()) == 2
    assert heard.signed_by(first)
    assert heard.signed_by(turned["secret"])
    again = await owner.call("rotateWebhookSecret", input={"endpointId": id, "overlapHours": 0})
    await renamed(owner)
    heard = (await server.hears(2))[1]
    assert len(heard.headers["webhook-signature"].split()) == 1
    assert heard.signed_by(again["secret"])
    assert not heard.signed_by(turned["secret"])


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"url": "https://10.0.0.1/"}, "URL_REFUSED", "url"),
        ({"url": "ftp://example.com/"}, "URL_REFUSED", "url"),
        ({"document": "{ nothing }"}, "DOCUMENT_REFUSED", "document"),
        ({"document": "mutation { leaveOrganization { __typename } }"}, "DOCUMENT_REFUSED", "document"),
        ({"document": "query($a: ID!) { node(id: $a) { id } }"}, "DOCUMENT_REFUSED", "document"),
        ({"document": MUCH}, "DOCUMENT_REFUSED", "document"),
        ({"types": ["MEMBER_CHANGED"]}, "PERMISSION_MISSING", "permissions"),
        ({"permissions": ["messages.send"]}, "INVALID", "permissions"),
        ({"types": []}, "INVALID", "types"),
    ],
    ids=lambda one: one if isinstance(one, str) else next(iter(one)),
)
async def test_what_cannot_be_is_refused_at_once(
    company: list[Person], change: dict[str, Any], code: str, path: str
) -> None:
    given = {"url": "https://127.0.0.1/", **ORGANIZATION, **change}
    answer = await company[0].call("createWebhookEndpoint", input=given)
    assert (answer["code"], answer["path"][:2]) == (code, ["input", path]), answer


async def test_what_has_happened_before_can_be_looked_at_and_sent_once_more(
    company: list[Person], server: Receiver
) -> None:
    owner, began = company[0], now() - timedelta(seconds=1)
    names = [await renamed(owner) for _ in range(2)]
    id, _ = await made(owner, f"{server.url}/", **ORGANIZATION)
    document = "{ webhookEvent { type } organization { name } }"

    async def shown() -> list[dict[str, Any]]:
        given: dict[str, Any] = {"endpointId": id, "document": document, "since": began.isoformat()}
        found: list[dict[str, Any]] = await owner.call("webhookPreviews", **given)
        return found if len(found) >= 2 else []

    seen = await until(shown)
    assert [one["payload"]["data"]["organization"]["name"] for one in seen][-2:] == [names[1]] * 2
    assert not server.heard
    await owner.call("replayWebhooks", input={"endpointId": id, "since": began.isoformat()})
    heard = await server.hears(len(seen))
    assert sorted(one.id for one in heard) == sorted(one["messageId"] for one in seen)
    sent = await deliveries(owner, id, len(seen))
    await owner.call("resendWebhook", input={"deliveryId": sent[0]["id"]})
    assert (await server.hears(len(seen) + 1))[-1].id == sent[0]["messageId"]


async def test_a_paused_endpoint_catches_up_from_the_log(company: list[Person], server: Receiver) -> None:
    owner = company[0]
    id, _ = await made(owner, f"{server.url}/", **ORGANIZATION, ordered=True)
    await renamed(owner)
    await server.hears(1)
    await deliveries(owner, id, 1)
    assert (await owner.call("pauseWebhookEndpoint", input={"endpointId": id}))["state"] == "PAUSED"
    for _ in range(3):
        await renamed(owner)
    assert len(server.heard) == 1
    assert (await owner.call("resumeWebhookEndpoint", input={"endpointId": id}))["state"] == "ACTIVE"
    assert len({one.id for one in await server.hears(4)}) == 4
    await deliveries(owner, id, 4)
    assert len(server.heard) == 4


async def test_one_that_is_gone_is_disabled_and_those_who_manage_it_are_told(
    company: list[Person], server: Receiver
) -> None:
    owner = company[0]
    server.answer = lambda _: Response("bye", 410)
    id, _ = await made(owner, f"{server.url}/", **ORGANIZATION)
    await renamed(owner)

    async def disabled() -> bool:
        found = await endpoint(owner, id)
        return (found["state"], found["fault"]) == ("DISABLED", "GONE")

    await until(disabled)

    async def told() -> list[str]:
        return [one["text"] for one in (await owner.call("notifications"))["nodes"] if one["kind"] == "WEBHOOK"]

    assert await until(told) == ["The webhook at 127.0.0.1 is disabled: the server says that it is gone."]
    office = owner.world.office
    assert office

    async def mailed() -> list[str]:
        return [m["Subject"] for m in office.to(owner.email) if "webhook" in m["Subject"]]

    assert await until(mailed) == ["A webhook of " + (await owner.call("organization"))["name"] + " is disabled"]
    server.answer = lambda _: Response("ok")
    await owner.call("resumeWebhookEndpoint", input={"endpointId": id})
    first, second = await server.hears(2)
    assert first.id == second.id
    assert len(await deliveries(owner, id, 1)) == 1


async def test_who_may_not_manage_webhooks_or_may_less_than_one_has_nothing_to_say(
    company: list[Person], server: Receiver
) -> None:
    owner, ada, grace = company
    assert await grace.refused("webhookEndpoints") == "FORBIDDEN"
    role = await owner.call("createRole", input={"name": "Hooks", "permissions": ["WEBHOOKS_MANAGE"]})
    await owner.call("changeMemberRole", input={"userId": ada.id, "customRoleId": role["id"]})
    id, _ = await made(owner, f"{server.url}/", **MEMBERS)

    async def may() -> bool:
        return "errors" not in await ada.answer("{ webhookEndpoints { nodes { id } } }")

    await until(may)
    given = {"url": f"{server.url}/", **MEMBERS}
    assert (await ada.call("createWebhookEndpoint", input=given))["code"] == "PERMISSION_ABOVE"
    for name in ("updateWebhookEndpoint", "rotateWebhookSecret"):
        assert (await ada.call(name, input={"endpointId": id}))["code"] == "PERMISSION_ABOVE"
    assert await ada.code("query($id: ID!) { webhookPreviews(endpointId: $id) { type } }", id=id) == "PERMISSION_ABOVE"
    removed = await owner.call("removeWebhookEndpoint", input={"endpointId": id})
    assert removed["id"] == id
    assert not (await owner.call("webhookEndpoints"))["nodes"]


async def test_nobody_elses_event_is_to_be_had(company: list[Person]) -> None:
    assert (await company[0].ask("{ webhookEvent { type } }")) == {"webhookEvent": None}
