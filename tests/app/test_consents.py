"""ID-15: legal texts in versions, and who has accepted which; in an Atrium of their own, for a text binds everybody."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import httpx
import pytest
from bson import ObjectId
from pymongo import AsyncMongoClient

from app.core.clock import now
from tests.world import Data, Person, Processes, World, free_port, organization, ready, until

Given = dict[str, Any]


@pytest.fixture(scope="module")
async def town(processes: Processes, mongodb_uri: str, redis_url: str) -> AsyncIterator[tuple[World, World]]:
    """Two API processes of an Atrium in which nobody else is."""
    database, urls = f"atrium_consents_{secrets.token_hex(6)}", [f"http://127.0.0.1:{free_port()}" for _ in range(2)]
    redis = f"{redis_url.rpartition('/')[0]}/2"
    environment = {**processes.environment, "PUBLIC_URL": urls[0], "REDIS_URL": redis}
    environment.pop("MONGODB_DATABASE")
    own = Processes(processes.directory, database, **environment)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(AsyncMongoClient[Data](mongodb_uri, tz_aware=True))
        stack.push_async_callback(client.drop_database, database)
        await asyncio.to_thread(own.run, "migrate")
        commands = [("consents-worker", ["worker"])]
        commands += [(f"consents-{n}", ["serve", "--port", url.rpartition(":")[2]]) for n, url in enumerate(urls)]
        for name, command in commands:
            stack.push_async_callback(asyncio.to_thread, own.start(name, *command).stop)
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=30))
        for url in urls:
            await ready(url)
        world, twin = World(urls[0], http, store=client[database]), World(urls[1], http)
        world.staff = await world.person("Stella")
        await asyncio.to_thread(own.run, "staff", "grant", world.staff.email)
        await until(lambda: _is_staff(world.staff))
        yield world, twin


@pytest.fixture(scope="module")
async def staff(town: tuple[World, World]) -> Person:
    assert town[0].staff
    return town[0].staff


@pytest.fixture(scope="module")
async def ada(town: tuple[World, World]) -> Person:
    """An owner of an organization."""
    ada = await town[0].person("Ada")
    await organization(ada)
    return ada


@pytest.fixture
async def terms(staff: Person) -> AsyncIterator[Data]:
    """Terms that bind everybody, until the test is over."""
    yield await publish(staff, binding=True)
    await publish(staff)


async def publish(staff: Person, kind: str = "TERMS", languages: tuple[str, ...] = ("en",), **more: Any) -> Data:
    """The new version, in English."""
    wordings = [{"language": one, "title": f"{kind} ({one})", "text": f"Be kind.\n\n({one})"} for one in languages]
    given = {"kind": kind, "wordings": wordings, **more}
    text = dict(await staff.call("publishLegalText", input=given))
    assert "code" not in text, text
    if text["binding"] and "holdsFrom" not in more:  # who publishes is bound as well
        await until(lambda: refused(staff))
        await staff.call("acceptLegalText", input={"textId": text["id"]})
        await until(lambda: admitted(staff))
    return text


async def test_anyone_reads_the_text_that_holds_in_their_language_or_english(staff: Person, ada: Person) -> None:
    anyone = Person(staff.world, "Anyone", "")
    first = await publish(staff, "PRIVACY", ("en", "fr", "pt", "pt-BR"))
    assert first["version"] == 1
    for asked, got in (("fr", "fr"), ("fr-CA", "fr"), ("pt-BR", "pt-BR"), ("pt-PT", "pt"), ("de", "en"), ("?", "en")):
        text = await anyone.call("legalText", kind="PRIVACY", language=asked)
        assert (text["version"], text["language"], text["title"]) == (1, got, f"PRIVACY ({got})")
    await publish(staff, "PRIVACY")
    text = await anyone.call("legalText", kind="PRIVACY", language="fr")
    assert (text["version"], text["language"]) == (2, "en"), "the French of another version is another text"
    later = await publish(staff, "PRIVACY", ("en", "fr"), holdsFrom=(now() + timedelta(days=1)).isoformat())
    assert (await anyone.call("legalText", kind="PRIVACY"))["version"] == 2
    listed = [(one["version"], one["language"]) for one in await anyone.call("legalTexts", language="fr")]
    assert listed == [(2, "en"), (later["version"], "fr")]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"wordings": [{"language": "fr", "title": "Conditions", "text": "Soyez gentils."}]}, "LANGUAGES_WRONG"),
        ({"wordings": [{"language": "en", "title": "Terms", "text": "Be kind."}] * 2}, "LANGUAGES_WRONG"),
        ({"wordings": [{"language": "en", "title": "Terms", "text": "Be <b>kind</b>."}]}, "MARKUP_REFUSED"),
        ({"wordings": [{"language": "en", "title": "<!-- -->", "text": "Be kind."}]}, "MARKUP_REFUSED"),
        ({"wordings": [{"language": "xx-1", "title": "Terms", "text": "Be kind."}]}, "INVALID"),
        ({"kind": "COOKIES", "binding": True}, "NEVER_BINDING"),
        ({"holdsFrom": "2020-01-01T00:00:00Z"}, "ALREADY_PAST"),
        ({"holdsFrom": "9999-12-31T23:59:59-14:00"}, "INVALID"),
    ],
)
async def test_what_cannot_be_published_is_not(staff: Person, given: Given, code: str) -> None:
    plain = {"kind": "TERMS", "wordings": [{"language": "en", "title": "Terms", "text": "1 < 2, be kind."}]}
    assert (await staff.call("publishLegalText", input={**plain, **given}))["code"] == code


async def test_nobody_else_publishes(ada: Person) -> None:
    given = {"kind": "TERMS", "wordings": [{"language": "en", "title": "Terms", "text": "Be mine."}]}
    assert await ada.refused("publishLegalText", input=given) == "FORBIDDEN"


async def test_who_has_not_accepted_what_binds_reads_and_cares_for_the_account_only(
    town: tuple[World, World], ada: Person, terms: Data
) -> None:
    await until(lambda: refused(ada))
    answer = await ada.answer('mutation { blockUser(input: {userId: ""}) { __typename } }')
    refusal = answer["errors"][0]["extensions"]
    assert refusal.items() >= {"code": "CONSENT_NEEDED", "kind": "TERMS", "version": terms["version"]}.items()
    new = {"name": "New", "slug": f"new-{secrets.token_hex(6)}"}
    for field, given in (
        ("updateProfile", {"bio": "Me."}),
        ("updateOrganization", {"name": "New"}),
        ("createOrganization", new),
    ):
        assert await ada.refused(field, input=given) == "CONSENT_NEEDED"
    assert await ada.call("organization")
    there = await ada.again(town[1])
    assert await there.refused("updateProfile", input={"bio": "Me."}) == "CONSENT_NEEDED", "at a new session, too"
    assert (await there.call("exportMyData"))["id"]
    assert (await there.call("requestErasure", input={"email": "other@example.com"}))["code"] == "EMAIL_MISMATCH"
    assert (await there.call("changePassword", input={"currentPassword": "", "password": ""}))["code"]
    assert (await there.call("beginStepUp"))["token"]
    assert (await there.call("signOut"))["ended"]


async def test_they_accept_and_it_is_known_at_every_process_and_socket(
    town: tuple[World, World], ada: Person, terms: Data, staff: Person
) -> None:
    there = await ada.again(town[1])
    async with there.live() as socket:
        await until(lambda: refused(ada))
        await until(lambda: refused(there))
        change = 'mutation { updateProfile(input: {bio: "Me."}) { __typename } }'
        await socket.subscribe(change)
        assert await socket.refusal() == "CONSENT_NEEDED"
        assert (await socket.receive())["type"] == "complete"
        assert terms["id"] in [one["id"] for one in (await ada.call("me"))["consentsDue"]]
        consent = await ada.call("acceptLegalText", input={"textId": terms["id"]})
        assert (consent["kind"], consent["version"], consent["language"]) == ("TERMS", terms["version"], "en")
        again = await there.call("acceptLegalText", input={"textId": terms["id"]})
        assert again == consent
        assert terms["id"] not in [one["id"] for one in (await ada.call("me"))["consentsDue"]]
        await until(lambda: admitted(ada))
        await until(lambda: admitted(there))
        await socket.subscribe(change)
        assert (await socket.next())["updateProfile"]["__typename"] == "User"
    assert consent in (await ada.call("consents"))["nodes"]
    newer = await publish(staff, binding=True)
    await until(lambda: refused(ada))
    assert newer["id"] in [one["id"] for one in (await ada.call("me"))["consentsDue"]]
    late = await ada.call("acceptLegalText", input={"textId": terms["id"]})
    assert late["code"] == "TEXT_SUPERSEDED"


async def test_a_text_binds_from_its_moment_and_can_be_accepted_before(
    town: tuple[World, World], staff: Person
) -> None:
    early, late = await town[0].person("Early"), await town[0].person("Late")
    version = await publish(staff, binding=True, holdsFrom=(now() + timedelta(days=1)).isoformat())
    assert await admitted(late)
    assert "code" not in await early.call("acceptLegalText", input={"textId": version["id"]})
    assert town[0].store is not None
    moved = {"$set": {"holds_from": now()}}  # a day goes by
    await town[0].store["legal_texts"].update_many({"_id": ObjectId(version["id"].partition("_")[2])}, moved)
    for person in (early, late):
        await person.sign_in()
    try:
        # A process reads the law anew when another text is published.
        await publish(staff, "COOKIES")
        await late.sign_in()
        await until(lambda: refused(late))
        assert await admitted(early)
    finally:
        await publish(staff)


async def test_a_text_that_does_not_bind_refuses_nobody(ada: Person, staff: Person) -> None:
    text = await publish(staff)
    await until(lambda: admitted(ada))
    assert text["id"] in [one["id"] for one in (await ada.call("me"))["consentsDue"]]
    await ada.call("acceptLegalText", input={"textId": text["id"]})
    assert text["id"] not in [one["id"] for one in (await ada.call("me"))["consentsDue"]]


async def test_what_is_due_is_in_the_language_of_the_person_and_nobody_elses(
    town: tuple[World, World], staff: Person, ada: Person
) -> None:
    grace = await town[0].person("Grace")
    await organization(ada, grace)
    await publish(staff, languages=("en", "fr"))
    await until(lambda: admitted(grace))
    await grace.call("updateProfile", input={"locale": "fr-CH"})
    due = {one["kind"]: one["language"] for one in (await grace.call("me"))["consentsDue"]}
    assert due["TERMS"] == "fr"
    assert (await ada.call("user", id=grace.id))["consentsDue"] is None
    french = await grace.call("legalText", kind="TERMS", language="fr")
    consent = await grace.call("acceptLegalText", input={"textId": french["id"]})
    assert consent["language"] == "fr"
    assert await ada.call("node", depth=1, id=consent["id"]) is None


async def test_twenty_at_once_accept_once(town: tuple[World, World], ada: Person, staff: Person) -> None:
    text = await publish(staff, "PRIVACY")
    there = await ada.again(town[1])
    given = {"textId": text["id"]}
    answers = await asyncio.gather(*((ada, there)[n % 2].call("acceptLegalText", input=given) for n in range(20)))
    assert len({one["id"] for one in answers}) == 1


async def test_a_consent_to_cookies_is_withdrawn_and_given_again(ada: Person, staff: Person) -> None:
    text = await publish(staff, "COOKIES")
    consent = await ada.call("acceptLegalText", input={"textId": text["id"]})
    withdrawn = await ada.call("withdrawConsent", input={"consentId": consent["id"]})
    assert withdrawn["withdrawnAt"]
    assert await ada.call("withdrawConsent", input={"consentId": consent["id"]}) == withdrawn
    assert "COOKIES" not in [one["kind"] for one in (await ada.call("me"))["consentsDue"]], "they have answered"
    again = await ada.call("acceptLegalText", input={"textId": text["id"]})
    assert again["id"] != consent["id"]
    assert again["withdrawnAt"] is None
    assert [one["id"] for one in (await ada.call("consents", first=2))["nodes"]] == [again["id"], consent["id"]]


async def test_other_consents_last(ada: Person, staff: Person) -> None:
    text = await publish(staff)
    consent = await ada.call("acceptLegalText", input={"textId": text["id"]})
    assert (await ada.call("withdrawConsent", input={"consentId": consent["id"]}))["code"] == "CONSENT_LASTS"
    assert (await staff.call("withdrawConsent", input={"consentId": consent["id"]}))["code"] == "NOT_FOUND"


async def test_the_trail_knows_from_where_it_was_accepted(ada: Person, staff: Person) -> None:
    text = await publish(staff)
    consent = await ada.call("acceptLegalText", input={"textId": text["id"]})
    bare = consent["id"].partition("_")[2]

    async def entry() -> Data | None:
        found = (await staff.call("platformAuditEntries", about=ada.id, first=20))["nodes"]
        return next((one for one in found if any(target["id"] == bare for target in one["targets"])), None)

    kept = await until(entry)
    assert kept["action"] == "consent.given"
    assert kept["place"]["address"] == ada.address
    assert kept["details"].items() >= {"kind": "terms", "version": consent["version"], "language": "en"}.items()


async def refused(person: Person) -> bool:
    return await _code(person) == "CONSENT_NEEDED"


async def admitted(person: Person) -> bool:
    return await _code(person) is None


async def _code(person: Person) -> str | None:
    answer = await person.answer('mutation { updateProfile(input: {bio: "Still me."}) { __typename } }')
    return answer["errors"][0]["extensions"]["code"] if "errors" in answer else None


async def _is_staff(person: Person | None) -> bool:
    assert person
    return bool((await person.call("me"))["staff"])
