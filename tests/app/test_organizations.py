"""Organizations: making and changing them."""

import asyncio
import secrets
from dataclasses import replace

import pytest

from tests.world import Person


async def test_who_makes_an_organization_owns_it(people: list[Person]) -> None:
    edsger = replace(people[3])
    made = await edsger.call("createOrganization", input={"name": "École Été"})
    assert made["slug"].startswith("ecole-ete")
    assert await edsger.refused("myMembership") == "NO_ORGANIZATION"  # as the token says still
    await edsger.enter(made["id"])
    mine = await edsger.call("myMembership")
    assert (mine["role"], mine["state"]) == ("OWNER", "ACTIVE")
    assert "organization.update" in mine["permissions"]


async def test_a_slug_exists_once(company: list[Person]) -> None:
    given = {"name": "Twice", "slug": f"twice-{secrets.token_hex(4)}"}
    answers = await asyncio.gather(*(company[0].call("createOrganization", input=given) for _ in range(10)))
    assert [answer["__typename"] for answer in answers].count("Organization") == 1
    refused = next(answer for answer in answers if answer["__typename"] != "Organization")
    assert (refused["code"], refused["path"]) == ("SLUG_TAKEN", ["input", "slug"])


async def test_equal_names_get_different_slugs(company: list[Person]) -> None:
    name = f"Same {secrets.token_hex(4)}"
    answers = await asyncio.gather(*(company[0].call("createOrganization", input={"name": name}) for _ in range(5)))
    assert len({answer["slug"] for answer in answers}) == 5


@pytest.mark.parametrize("slug", ["", "-a", "a-", "A", "a_b", "a b", "ä", "x" * 41])
async def test_a_slug_is_made_of_letters_digits_and_hyphens(company: list[Person], slug: str) -> None:
    refused = await company[0].call("createOrganization", input={"name": "Any", "slug": slug})
    assert (refused["code"], refused["path"]) == ("INVALID", ["input", "slug"])


async def test_of_two_edits_of_one_version_the_second_is_refused(company: list[Person]) -> None:
    owner = company[0]
    version = (await owner.call("organization"))["version"]
    edit = {"name": "First", "expectedVersion": version}
    edited = await owner.call("updateOrganization", input=edit)
    assert (edited["name"], edited["version"]) == ("First", version + 1)
    refused = await owner.call("updateOrganization", input={"name": "Second", "expectedVersion": version})
    assert (refused["__typename"], refused["code"]) == ("ConflictError", "VERSION_CONFLICT")
    assert (await owner.call("organization"))["name"] == "First"


@pytest.mark.parametrize("version", [0, -1, 2_147_483_647])
async def test_a_version_that_never_was_is_refused(company: list[Person], version: int) -> None:
    refused = await company[0].call("updateOrganization", input={"name": "Other", "expectedVersion": version})
    assert refused["code"] == "VERSION_CONFLICT"


@pytest.mark.parametrize("version", [0, -1])
async def test_a_profile_is_edited_at_the_expected_version(company: list[Person], version: int) -> None:
    ada = company[1]
    assert (await ada.call("updateProfile", input={"name": "Eve", "expectedVersion": version}))["code"] == (
        "VERSION_CONFLICT"
    )
    me = await ada.call("me")
    edited = await ada.call("updateProfile", input={"showsPresence": True, "expectedVersion": me["version"]})
    assert (edited["name"], edited["version"]) == ("Ada", me["version"] + 1)  # what is left out stays


async def test_an_address_is_shown_to_its_owner_and_to_who_manages_members(company: list[Person]) -> None:
    owner, ada, grace = company
    assert (await ada.call("me"))["email"] == ada.email
    assert (await ada.call("user", id=grace.id))["email"] is None
    assert (await owner.call("user", id=grace.id))["email"] == grace.email
