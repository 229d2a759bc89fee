"""ID-4: what people say of themselves, and to whom it is shown."""

import asyncio
import secrets

import pytest

from tests.world import Person

PRIVATE = ("email", "preferences", "showsPresence", "staff")


async def test_others_see_the_public_part(company: list[Person]) -> None:
    _, ada, grace = company
    handle = f"Ada_{secrets.token_hex(4)}"
    given = {"handle": handle, "bio": "Counts.", "locale": "pt-BR", "timeZone": "Asia/Kolkata", "currency": "INR"}
    edited = await ada.call("updateProfile", input=given)
    assert {name: {**edited, **edited["preferences"]}[name] for name in given} == {**given, "handle": handle.lower()}
    seen = await grace.call("user", id=ada.id)
    assert (seen["handle"], seen["bio"]) == (handle.lower(), "Counts.")
    assert {seen[name] for name in PRIVATE} == {None}
    again = await ada.call("updateProfile", input={"bio": "", "handle": None})
    assert (again["bio"], again["handle"], again["preferences"]["locale"]) == ("", None, "pt-BR")


async def test_a_handle_is_one_persons(company: list[Person]) -> None:
    handle = f"h{secrets.token_hex(4)}"
    answers = await asyncio.gather(*(p.call("updateProfile", input={"handle": handle}) for p in company))
    taken = [answer for answer in answers if answer["__typename"] == "ConflictError"]
    assert [(one["code"], one["path"]) for one in taken] == [("HANDLE_TAKEN", ["input", "handle"])] * 2
    for person in company:
        await person.call("updateProfile", input={"handle": None})  # any number of people have none


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("handle", "ab"),
        ("handle", "_ab"),
        ("handle", "a__b"),
        ("handle", "a b c"),
        ("handle", "ädä"),
        ("handle", "x" * 31),
        ("bio", "x" * 501),
        ("locale", "tlh"),
        ("locale", "en_US"),
        ("timeZone", "Mars/Olympus"),
        ("timeZone", "localtime"),
        ("currency", "DEM"),
        ("currency", "eur"),
    ],
)
async def test_what_cannot_be_is_refused(company: list[Person], name: str, value: str) -> None:
    refused = await company[1].call("updateProfile", input={name: value})
    assert (refused["code"], refused["path"]) == ("INVALID", ["input", name])
