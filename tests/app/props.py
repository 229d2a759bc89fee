"""What a scene is furnished with: things that no client can make, or not at once."""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from random import randrange
from typing import Any

from bson import ObjectId

from app.core.clock import new_id, now
from app.core.sagas import Past, Saga, SagaState
from app.models import Purpose
from app.models.identity.tickets import sealed
from app.models.notifications.deliveries import sealed as said
from app.services.identity import tickets
from tests.passkeys import Device
from tests.world import Person

Arguments = dict[str, Any]


async def passkeys(person: Person) -> tuple[str, Arguments, Arguments]:
    """The id of a passkey of the person, the makings of another, and a sign-in."""
    device, other = Device(person.world.url, "127.0.0.1"), Device(person.world.url, "127.0.0.1")
    made = await person.call("beginPasskey")
    given = {"token": made["token"], "credential": device.make(made["options"])}
    passkey = await person.call("addPasskey", input=given)
    made, asked = await person.call("beginPasskey"), await person.call("beginPasskeySignIn")
    tokens = [ObjectId(one["token"].partition(".")[0]) for one in (made, asked)]
    assert person.world.store is not None
    lasting = {"$set": {"expires_at": now() + timedelta(days=1)}}
    await person.world.store["tickets"].update_many({"_id": {"$in": tokens}}, lasting)
    new = {"token": made["token"], "credential": other.make(made["options"]), "name": "New"}
    sign_in = {"token": asked["token"], "credential": device.sign(asked["options"])}
    return str(passkey["id"]), new, sign_in


async def stored_file(person: Person) -> str:
    """The id of a file of the person's, clean and not sent yet, of which there is no content."""
    assert person.world.store is not None
    moment, ids = now(), {"organization_id": person.organization, "owner_id": person.id}
    file: Arguments = {name: ObjectId(id.partition("_")[2]) for name, id in ids.items()}
    file |= {"_id": new_id(), "name": "hello.txt", "media_type": "text/plain", "size": 5, "state": "clean"}
    file |= {"finding": None, "message_id": None, "created_at": moment, "changed_at": moment}
    await person.world.store["files"].insert_one(file)
    return f"File_{file['_id']}"


async def legal_text(person: Person, kind: str) -> str:
    """The id of a version that nobody has accepted and nobody need accept."""
    staff = person.world.staff
    assert staff
    wording = {"language": "en", "title": kind.title(), "text": "We are kind to each other."}
    return str((await staff.call("publishLegalText", input={"kind": kind, "wordings": [wording]}))["id"])


async def stored_job(person: Person, state: str, **columns: Any) -> str:
    """The id of a job for the person's organization, of a type that no worker knows."""
    assert person.world.store is not None
    row = {
        "_id": new_id(),
        "type": "unheard_of.1",
        "key": "",
        "queue": "slow",
        "priority": 1,
        "organization_id": ObjectId(person.organization.partition("_")[2]),
        "event": {"e": new_id(), "t": "Unheard.1", "o": None, "a": "system", "d": {"person": new_id(), "word": "said"}},
        "state": state,
        "attempt": 8,
        "attempts": 8,
        "created_at": now(),
        **columns,
    }
    await person.world.store["jobs"].insert_one(row)
    return f"Job_{row['_id']}"


def in_a_month() -> str:
    return f"{now() + timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}"


async def stored_address(person: Person) -> str:
    """The id of an address at which the person is told of things, in a chat tool."""
    given = {"tool": "SLACK", "url": f"https://192.0.2.1/{new_id()}"}
    return str((await person.call("addChatAddress", input=given))["id"])


async def links(person: Person) -> dict[Purpose, str]:
    """Tokens by which an address is verified, another confirmed, and a password chosen."""
    assert person.world.store is not None
    id, change = ObjectId(person.id.partition("_")[2]), new_id()
    wanted = {"id": change, "email": f"{change}@example.com", "by_old": True, "by_new": False}
    await person.world.store["credentials"].update_one({"_id": id}, {"$set": {"email_change": wanted}})
    data: dict[Purpose, dict[str, Any]] = {
        Purpose.VERIFY_EMAIL: {"email": person.email},
        Purpose.CONFIRM_EMAIL: {"change": change, "side": "by_new"},
        Purpose.RESET_PASSWORD: {"email": person.email},
    }
    return {purpose: await stored_ticket(person, purpose, known) for purpose, known in data.items()}


async def phone(person: Person) -> str:
    """The token of a ticket by which a number is proved; the person has another."""
    number, other = (f"+4915123{randrange(100_000, 1_000_000)}" for _ in range(2))
    token = (await person.call("beginPhone", input={"number": other}))["token"]
    code = tickets.code(ObjectId(token.partition(".")[0]))
    await person.call("confirmPhone", input={"token": token, "code": code})
    return await stored_ticket(person, Purpose.PHONE, {"number": number})


async def stored_ticket(person: Person, purpose: Purpose, data: Mapping[str, Any]) -> str:
    """The token of a ticket of the person's, good for an hour."""
    assert person.world.store is not None
    id = new_id()
    row = {
        "_id": id,
        "purpose": purpose.value,
        "user_id": ObjectId(person.id.partition("_")[2]),
        "sealed": sealed(dict(data)),
        "created_at": now(),
        "expires_at": now() + timedelta(hours=1),
        "used_at": None,
    }
    await person.world.store["tickets"].insert_one(row)
    return tickets.token(purpose, id)


async def stored_export(person: Person) -> str:
    """The id of a file that the person has asked for."""
    assert person.world.store is not None
    user_id = ObjectId(person.id.partition("_")[2])
    export = {"_id": new_id(), "user_id": user_id, "kind": "person", "state": "ready", "created_at": now()}
    await person.world.store["exports"].insert_one(export)
    return f"DataExport_{export['_id']}"


async def stored_saga(person: Person, state: SagaState, **columns: Any) -> str:
    """The id of a saga for the person's organization, of a kind that no worker knows."""
    assert person.world.store is not None
    columns = {"due": None, **columns}
    organization_id = ObjectId(person.organization.partition("_")[2])
    past = Past("unheard", False, now(), now(), 1, "RuntimeError('on purpose')")
    saga = Saga(
        kind="unheard_of", version=1, organization_id=organization_id, started_by="system", state=state,
        step="unheard", data={}, history=[past], **columns,
    )  # fmt: skip
    await person.world.store["sagas"].insert_one(saga.encode())
    return f"Saga_{saga.id}"


ENDPOINT: Arguments = {
    "url": "http://127.0.0.1:1/",
    "types": ["ORGANIZATION_TIER_CHANGED"],
    "permissions": ["members.read"],
}
"""Of a webhook that nobody answers."""


async def endpoint(person: Person, text: str) -> str:
    """The id of an endpoint that nothing is sent to."""
    made = await person.call("createWebhookEndpoint", input={**ENDPOINT, "description": text})
    id = str(made["endpoint"]["id"])
    await person.call("pauseWebhookEndpoint", input={"endpointId": id})
    return id


async def stored_webhook_delivery(person: Person, endpoint: str) -> str:
    """The id of a delivery that was given up."""
    assert person.world.store is not None
    row = {
        "_id": new_id(),
        "organization_id": ObjectId(person.organization.partition("_")[2]),
        "endpoint_id": ObjectId(endpoint.partition("_")[2]),
        "event_id": new_id(),
        "position": 1,
        "type": "organization.tier_changed",
        "key": new_id(),
        "at": now(),
        "state": "failed",
        "tries": 10,
        "due": None,
        "attempts": [{"at": now(), "milliseconds": 1, "status": 500, "answer": "No.", "error": ""}],
        "replay_id": None,
        "ended_at": now(),
    }
    await person.world.store["webhook_deliveries"].insert_one(row)
    return f"WebhookDelivery_{row['_id']}"


async def told(person: Person, kind: str) -> str | None:
    """The id of a notification of this kind, as soon as there is one."""
    found = (await person.call("notifications"))["nodes"]
    return next((one["id"] for one in found if one["kind"] == kind), None)


async def audited(person: Person) -> str | None:
    """The id of an entry of the audit trail about the person, as soon as there is one."""
    found = (await person.call("auditEntries", about=person.id))["nodes"]
    return found[0]["id"] if found else None


async def impersonation(person: Person, organization: str) -> str:
    """The session in which somebody on the staff acts as a person."""
    staff = person.world.staff
    assert staff
    return str((await staff.call("impersonate", input=acting_as(person.id, organization)))["sessionId"])


def acting_as(person: str, organization: str) -> Arguments:
    """What staff say who act as somebody."""
    return {"userId": person, "organizationId": organization, "reason": "They asked for help."}


async def template(person: Person) -> str:
    """The id of a draft, of which another version is published."""
    given = {"key": "news", "locale": "en", "subject": "News of {{ organization }}", "body": "{{ greeting }} News!"}
    published = await person.call("saveEmailTemplate", input=given)
    await person.call("publishEmailTemplate", input={"templateId": published["id"]})
    return str((await person.call("saveEmailTemplate", input=given))["id"])


async def waiting_campaign(person: Person) -> str:
    """The id of a campaign that begins later."""
    campaign = await person.call("createCampaign", input={"name": "Later", "templateKey": "news"})
    given = {"campaignId": campaign["id"], "startsAt": (now() + timedelta(days=30)).isoformat()}
    await person.call("scheduleCampaign", input=given)
    return str(campaign["id"])


async def stored_delivery(person: Person) -> str:
    """The id of a delivery that was given up, and can be tried again."""
    assert person.world.store is not None
    row = {
        "_id": new_id(),
        "organization_id": ObjectId(person.organization.partition("_")[2]),
        "channel": "email",
        "kind": "affiliation_approved",
        "template": "affiliation_approved",
        "address": f"{secrets.token_hex(4)}@example.com",
        "sealed": said({"name": person.name, "link": "https://example.com"}),
        "state": "failed",
        "due_at": now(),
        "created_at": now(),
        "changed_at": now(),
    }
    await person.world.store["deliveries"].insert_one(row)
    return f"Delivery_{row['_id']}"
