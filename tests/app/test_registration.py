"""ID-1: accounts."""

import secrets

import pytest

from tests.world import PASSWORD, Person, World


async def test_a_known_address_gets_the_same_answer_and_nothing_changes(world: World, people: list[Person]) -> None:
    ada, anybody = people[1], Person(world, "Anybody", "")
    new = f"new.{secrets.token_hex(4)}@example.com"
    given = {"password": "another password", "name": "Not Ada"}
    answers = [await anybody.call("register", input={"email": email, **given}) for email in (new, ada.email)]
    assert answers == [{"__typename": "Registered", "email": new}, {"__typename": "Registered", "email": ada.email}]
    signing_in = {"email": ada.email, "password": given["password"]}
    assert (await anybody.call("signIn", input=signing_in))["code"] == "WRONG_CREDENTIALS"
    again = await ada.again()
    assert (await again.call("me"))["name"] == "Ada"


async def test_addresses_are_compared_without_case(world: World, people: list[Person]) -> None:
    shouting = Person(world, "Ada", people[1].email.upper())
    await shouting.sign_in()
    assert shouting.id == people[1].id


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("email", "nobody"),
        ("email", "nobody@"),
        ("email", "a b@example.com"),
        ("email", f"{'a' * 250}@example.com"),
        ("password", "123456789"),
        ("password", "x" * 201),
        ("name", ""),
        ("name", "   "),
        ("name", "x" * 81),
    ],
)
async def test_bad_input_is_refused_with_its_path(world: World, name: str, value: str) -> None:
    given = {"email": "new@example.com", "password": PASSWORD, "name": "New", name: value}
    refused = await Person(world, "Anybody", "").call("register", input=given)
    assert (refused["__typename"], refused["code"], refused["path"]) == ("InvalidError", "INVALID", ["input", name])
    assert not value.strip() or value not in refused["message"]
