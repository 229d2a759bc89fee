"""ID-14, S18, S19: what is known of people is sealed, given to them when they ask, and gone when they want it gone."""

import asyncio
import io
import json
import secrets
import zipfile
from dataclasses import fields, replace
from datetime import timedelta
from random import randrange
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from app.core import clock, keyring
from tests.app import props, traces, ways
from tests.twilio import Twilio
from tests.world import Person, Processes, World, invitation_token, organization, until

Store = AsyncDatabase[dict[str, Any]]


class Known(Person):
    """Somebody whose data can be told from those of others, wherever they lie."""

    mark: str
    number: str
    elsewhere: tuple[str, str]
    """Their name and address where they can sign in as well."""
    proofs: tuple[str, ...]
    """Secrets of theirs: of an app, and recovery codes."""

    @property
    def comes_from(self) -> str:
        """From where they come."""
        return f"2001:db8::{self.mark[:4]}:{self.mark[4:]}"

    @property
    def comes_with(self) -> str:
        return f"Agent-{self.mark}/1.0"

    @property
    def said(self) -> str:
        return f"message-{self.mark}"

    @property
    def attached(self) -> str:
        return f"file-{self.mark}"

    @property
    def words(self) -> list[str]:
        """What nobody but they have."""
        return [
            self.name,
            self.email,
            self.comes_from,
            self.comes_with,
            self.said,
            self.attached,
            self.number,
            *self.elsewhere,
        ]


@pytest.fixture
async def person(world: World, people: list[Person], store: Store, texts: Twilio) -> Known:
    """Somebody with data in every feature, in an organization of others."""
    owner, ada = (replace(one) for one in people[:2])
    await organization(owner, ada)
    mark = f"{secrets.randbits(32) | 0x10001000:08x}"
    made = await world.person(f"Canaria-{mark}")
    person = Known(**{field.name: getattr(made, field.name) for field in fields(made)})
    person.mark = mark
    invitation = await owner.call("inviteMember", input={"email": person.email})
    await person.call("acceptInvitation", input={"token": invitation_token(invitation["id"])})
    await person.enter(owner.organization)
    text = "mutation($input: SignInInput!) { signIn(input: $input) { ... on SignedIn { accessToken } } }"
    given = {"input": {"email": person.email, "password": "correct horse battery"}}
    await person.post(text, given, **{"User-Agent": person.comes_with, "X-Forwarded-For": person.comes_from})
    group = await owner.start(ada, person, title="Group")
    attachment = {"url": "https://example.com/x", "name": person.attached, "mediaType": "text/plain", "size": 1}
    target = await person.call("beginUpload", input={"name": f"{person.attached}.txt", "size": 1}, depth=3)
    assert (await world.http.put(target["url"], content=person.attached.encode())).status_code == 204
    said = await owner.send(group, "What do you think?")
    answer = {"replyToId": said["id"], "mentionIds": [owner.id], "attachments": [attachment]}
    await person.send(group, person.said, **answer)
    await person.call("addReaction", input={"messageId": said["id"], "emoji": "👍"})
    await until(lambda: store["notifications"].find_one({"text": {"$regex": person.said}}))
    await person.call("updateProfile", input={"name": f"{person.name} II"})
    elsewhere = replace(people[2])
    await organization(elsewhere, name="Elsewhere")
    await elsewhere.call("inviteMember", input={"email": person.email})
    await _prove_in_every_way(person, store, texts)
    return person


async def _prove_in_every_way(person: Known, store: Store, texts: Twilio) -> None:
    """Let somebody have an app, a phone, a passkey, and be somebody elsewhere."""
    await person.prove()
    await props.passkeys(person)
    await ways.identity(person)
    person.number = f"+4915123{randrange(100_000, 1_000_000)}"
    token = (await person.call("beginPhone", input={"number": person.number}))["token"]
    [code] = await until(lambda: _texts(texts, person.number))
    secret = await person.enrol()
    assert (await person.call("confirmPhone", input={"token": token, "code": code}))["codes"] == []
    await person.sign_in()
    identity = await store["identities"].find_one({"user_id": _id(person)})
    assert identity
    person.elsewhere = identity["subject"], identity["email"]
    person.proofs = (secret, *person.codes)


async def _texts(texts: Twilio, number: str) -> list[str]:
    return texts.codes(number)


async def test_from_where_people_come_is_nowhere_to_be_seen(person: Known, store: Store) -> None:
    """S18: in the raw bytes of every collection, which are the bytes that backups hold."""
    owner_sees = (await person.call("sessions"))["nodes"]
    assert person.comes_from in {one["address"] for one in owner_sees}
    assert await traces.in_database(store, [person.comes_from, person.comes_with]) == []
    assert await traces.in_database(store, [person.number, *person.proofs]) == []
    assert await traces.in_database(store, [person.said]), "what is not sealed is seen"


async def test_people_get_what_is_known_of_them(person: Known) -> None:
    asked = await person.call("exportMyData")

    async def made() -> bool:
        return bool((await person.call("dataExport", id=asked["id"]))["state"] == "READY")

    await until(made, 30)
    files = await _files(person, asked["id"])
    everything = json.dumps(files, ensure_ascii=False)
    for word in person.words:
        assert word in everything, word
    assert {"users", "sessions", "memberships", "messages", "notifications", "participants", "audit_entries"} <= set(
        files
    )
    assert "argon2" not in everything
    assert "password_hash" not in files["credentials"][0]
    [user] = files["users"]
    assert user["name"] == f"{person.name} II"


async def test_a_link_is_good_once_and_for_its_owner(person: Known, people: list[Person], world: World) -> None:
    asked = await person.call("exportMyData")

    async def made() -> bool:
        return bool((await person.call("dataExport", id=asked["id"]))["state"] == "READY")

    await until(made, 30)
    assert (await people[0].call("createExportLink", input={"exportId": asked["id"]}))["code"] == "NOT_FOUND"
    assert await people[0].call("dataExport", id=asked["id"]) is None
    url = (await person.call("createExportLink", input={"exportId": asked["id"]}))["url"]

    answers = await asyncio.gather(*(world.http.get(url) for _ in range(20)))
    assert sorted(one.status_code for one in answers) == [200, *[404] * 19]
    refused = await world.http.get(url)
    assert (refused.status_code, refused.json()["code"]) == (404, "TICKET_OVER")
    assert (await world.http.get(f"{world.url}/exports/nothing")).status_code == 404


async def test_the_trail_can_be_exported(company: list[Person]) -> None:
    owner, ada, _ = company

    async def there() -> Any:
        return (await owner.call("auditEntries", filter={"action": {"eq": "membership.changed"}}))["nodes"]

    await until(there)
    asked = await owner.call("exportAuditEntries", filter={"action": {"eq": "membership.changed"}})

    async def made() -> bool:
        return bool((await owner.call("dataExport", id=asked["id"]))["state"] == "READY")

    await until(made, 30)
    entries = (await _files(owner, asked["id"]))["audit_entries"]
    assert {one["action"] for one in entries} == {"membership.changed"}
    assert [one["number"] for one in entries] == sorted(one["number"] for one in entries)
    assert await ada.refused("exportAuditEntries") == "FORBIDDEN"


async def test_a_request_can_be_taken_back(person: Known, store: Store) -> None:
    refused = await person.call("requestErasure", input={"email": "other@example.com"})
    assert (refused["code"], refused["path"]) == ("EMAIL_MISMATCH", ["input", "email"])
    asked = await person.call("requestErasure", input={"email": person.email})
    assert asked["erasure"]["dueAt"] > asked["erasure"]["requestedAt"]
    assert (await person.call("requestErasure", input={"email": person.email}))["code"] == "ERASURE_REQUESTED"
    assert (await person.call("cancelErasure"))["erasure"] is None
    assert (await person.call("cancelErasure"))["erasure"] is None
    await until(lambda: _ended(store, person, "cancelled"))
    assert (await person.again()).id == person.id


async def test_who_owns_an_organization_alone_stays(company: list[Person]) -> None:
    refused = await company[0].call("requestErasure", input={"email": company[0].email})
    assert refused["code"] == "SOLE_OWNER"


async def test_who_is_erased_is_nowhere_any_more(
    person: Known, people: list[Person], store: Store, processes: Processes, redis_url: str
) -> None:
    """S19: in no document, in Redis, in no log; and what was written of the past is as it was written."""
    id = ObjectId(person.id.partition("_")[2])
    place = await store["audit_entries"].find_one({"actor_id": id, "place": {"$type": "binData"}})
    assert place
    async with person.live() as socket:
        await person.call("requestErasure", input={"email": person.email})
        await _let_time_pass(store, person, "grace")
        with pytest.raises(Exception, match="4403"):
            while True:
                await socket.receive()
    await _let_time_pass(store, person, "erase")
    await until(lambda: _ended(store, person, "done"), 30)
    marks = [*person.words, *person.proofs]
    assert await traces.in_database(store, marks) == []
    assert await traces.in_redis(f"{redis_url.rpartition('/')[0]}/1", marks) == []
    await until(lambda: _none(processes, marks))
    kinds = ("credentials", "passkeys", "identities", "tickets", "sessions")
    assert [kind for kind in kinds if await store[kind].find_one({"$or": [{"_id": id}, {"user_id": id}]})] == []
    stone = await store["users"].find_one({"_id": id})
    assert stone
    assert (stone["name"], stone["erasure"], bool(stone["erased_at"])) == ("Erased person", None, True)
    again = await people[0].world.http.post(
        people[0].world.graphql,
        json={
            "query": "mutation($i: SignInInput!) { signIn(input: $i) { __typename ... on UserError { code } } }",
            "variables": {"i": {"email": person.email, "password": "correct horse battery"}},
        },
    )
    assert again.json()["data"]["signIn"]["code"] == "WRONG_CREDENTIALS"
    assert "as they were written" in processes.run("audit", "verify")
    entry = await store["audit_entries"].find_one({"_id": place["_id"]})
    assert entry == place, "the trail is not rewritten: nobody can read it"
    key = await store["data_keys"].find_one({"_id": keyring.person(id)})
    assert key
    assert set(key) == {"_id", "created_at", "destroyed_at"}


async def _files(person: Person, export: str) -> dict[str, list[dict[str, Any]]]:
    """What a file holds, by the names of the files in it."""
    link = await person.call("createExportLink", input={"exportId": export})
    response = await person.world.http.get(link["url"])
    assert response.headers["content-disposition"].startswith("attachment")
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        return {
            name.removesuffix(".jsonl"): [json.loads(line) for line in archive.read(name).splitlines()]
            for name in archive.namelist()
        }


async def _let_time_pass(store: Store, person: Known, step: str) -> None:
    """Let what the erasure waits for in this step come now."""

    async def waiting() -> dict[str, Any] | None:
        saga = await store["sagas"].find_one({"data.user": _id(person), "step": step, "state": "running"})
        where = {"event.d.saga": saga["_id"], "event.d.turn": saga["turn"]} if saga else {"_id": None}
        return await store["jobs"].find_one({**where, "state": "waiting"})

    job = await until(waiting)
    await store["jobs"].update_one({"_id": job["_id"]}, {"$set": {"due": clock.now() - timedelta(seconds=1)}})


async def _none(processes: Processes, marks: list[str]) -> bool:
    """Whether no file holds any of these: what was uploaded goes by a job of its own."""
    return traces.in_files(processes.directory, marks) == []


async def _ended(store: Store, person: Known, state: str) -> bool:
    saga = await store["sagas"].find_one({"data.user": _id(person)}, sort=[("_id", -1)])
    return bool(saga and saga["state"] == state)


def _id(person: Known) -> ObjectId:
    return ObjectId(person.id.partition("_")[2])
