"""ORG-2: settings and branding."""

import pytest

from tests.world import Person


async def test_settings_are_changed_one_by_one(company: list[Person]) -> None:
    owner, ada, _ = company
    given = {"locale": "fr-CH", "currency": "CHF", "timeZone": "Europe/Zurich", "taxRate": 810, "senderName": "Birch"}
    assert (await owner.call("updateOrganization", input=given))["taxRate"] == 810
    await owner.call("updateOrganization", input={"taxRate": 0})
    seen = await ada.call("organization")
    assert {name: seen[name] for name in given} == {**given, "taxRate": 0}
    assert (await owner.call("updateOrganization", input={"senderName": None}))["senderName"] is None


async def test_text_on_the_brand_can_be_read(company: list[Person]) -> None:
    owner = company[0]

    async def edited(**given: str | None) -> tuple[str | None, str | None]:
        row = await owner.call("updateOrganization", input=given)
        return row["brandColor"], row["brandTextColor"]

    assert await edited(brandColor="#FFEE00") == ("#ffee00", "#000000")
    assert await edited(brandColor="#123456") == ("#123456", "#ffffff")
    assert await edited(brandColor="#123456", brandTextColor="#FFD700") == ("#123456", "#ffd700")
    refused = await owner.call("updateOrganization", input={"brandColor": "#777777", "brandTextColor": "#888888"})
    assert (refused["code"], refused["path"]) == ("LOW_CONTRAST", ["input", "brandTextColor"])
    assert "1.3 to 1" in refused["message"]
    assert await edited(brandColor=None) == (None, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("brandColor", "red"),
        ("brandColor", "#12345"),
        ("taxRate", -1),
        ("taxRate", 10_001),
        ("currency", "XXX"),
        ("timeZone", "CET+1"),
        ("locale", "english"),
        ("senderName", ""),
    ],
)
async def test_what_cannot_be_is_refused(company: list[Person], name: str, value: object) -> None:
    refused = await company[0].call("updateOrganization", input={name: value})
    assert (refused["code"], refused["path"]) == ("INVALID", ["input", name])


async def test_a_colour_of_text_alone_is_refused(company: list[Person]) -> None:
    refused = await company[0].call("updateOrganization", input={"brandTextColor": "#ffffff"})
    assert (refused["code"], refused["path"]) == ("INVALID", ["input"])
