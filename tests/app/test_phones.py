"""ID-6: phone numbers are proved by a code in a text message, and are a second factor."""

import asyncio
from datetime import timedelta
from random import randrange
from typing import Any

import pytest

from tests.twilio import Twilio
from tests.world import PASSWORD, Person, World, until


def _number() -> str:
    return f"+4915123{randrange(100_000, 1_000_000)}"


async def _code(texts: Twilio, number: str, *, after: int = 0) -> str:
    async def arrived() -> list[str]:
        return texts.codes(number)[after:]

    return str((await until(arrived))[-1])


async def _proved(person: Person, texts: Twilio, number: str) -> list[str]:
    """Recovery codes of the person, whose number it is now."""
    sent = await person.call("beginPhone", input={"number": number})
    given = {"token": sent["token"], "code": await _code(texts, number)}
    return list((await person.call("confirmPhone", input=given))["codes"])


async def _challenge(person: Person) -> dict[str, Any]:
    given = {"email": person.email, "password": PASSWORD}
    return dict(await Person(person.world, "Anybody", "").call("signIn", input=given))


async def test_a_number_is_proved_by_the_code_that_was_sent_there(world: World, texts: Twilio) -> None:
    ada, number = await world.person("Ada"), _number()
    sent = await ada.call("beginPhone", input={"number": f"{number[:3]} {number[3:6]} / {number[6:]}"})
    assert sent["number"] == f"{'*' * (len(number) - 2)}{number[-2:]}"
    code = await _code(texts, number)
    assert (await ada.call("confirmPhone", input={"token": sent["token"], "code": "x"}))["code"] == "WRONG_CODE"
    given = {"token": sent["token"], "code": code}
    answers = await asyncio.gather(*(ada.call("confirmPhone", input=given) for _ in range(4)))
    assert sorted(answer["__typename"] for answer in answers) == ["InvalidError"] * 3 + ["RecoveryCodes"]
    assert (await ada.call("me"))["secondFactor"]


async def test_a_text_message_is_a_second_factor(world: World, texts: Twilio) -> None:
    ada, number = await world.person("Ada"), _number()
    assert len(await _proved(ada, texts, number)) == 10
    challenge = await _challenge(ada)
    assert challenge["ways"] == ["TEXT", "RECOVERY_CODE"]
    anybody = Person(world, "Anybody", "")
    assert (await anybody.call("sendText", input={"token": challenge["token"]}))["__typename"] == "TextSent"
    code = await _code(texts, number, after=1)
    given = {"token": challenge["token"], "way": "TEXT", "secret": code}
    assert (await anybody.call("completeSignIn", input=given))["user"]["id"] == ada.id
    other = await _challenge(ada)
    again = {"token": other["token"], "way": "TEXT", "secret": code}
    assert (await anybody.call("completeSignIn", input=again))["code"] == "WRONG_CODE"


async def test_a_number_gets_three_messages_in_a_quarter_of_an_hour_whoever_asks(world: World, texts: Twilio) -> None:
    number = _number()
    people = [await world.person(name) for name in ("Ada", "Grace")]
    given = {"number": number}
    answers = [await person.call("beginPhone", input=given) for person in [*people, *people]]
    assert [answer["__typename"] for answer in answers] == ["TextSent"] * 3 + ["LimitReachedError"]


async def test_a_code_takes_five_tries_in_its_time_and_is_its_persons(world: World, texts: Twilio) -> None:
    ada, grace, number = await world.person("Ada"), await world.person("Grace"), _number()
    sent = await ada.call("beginPhone", input={"number": number})
    code = await _code(texts, number)
    assert (await grace.call("confirmPhone", input={"token": sent["token"], "code": code}))["code"] == "TICKET_OVER"
    for _ in range(4):
        wrong = await ada.call("confirmPhone", input={"token": sent["token"], "code": "x"})
        assert wrong["code"] == "WRONG_CODE"
    assert (await ada.call("confirmPhone", input={"token": sent["token"], "code": code}))["code"] == "TICKET_OVER"
    second = await ada.call("beginPhone", input={"number": number})
    await world.age(second["token"], timedelta(minutes=10))
    late = {"token": second["token"], "code": await _code(texts, number)}
    assert (await ada.call("confirmPhone", input=late))["code"] == "TICKET_OVER"


@pytest.mark.parametrize("number", ["", "1", "0151 23456789", "+49 30 901820", "+1", "+999123456789", "x" * 40])
async def test_what_is_no_mobile_number_is_refused(people: list[Person], number: str) -> None:
    refused = await people[0].call("beginPhone", input={"number": number})
    assert (refused["code"], refused["path"]) == ("BAD_PHONE_NUMBER", ["input", "number"])


async def test_a_number_that_is_removed_is_forgotten(world: World, texts: Twilio) -> None:
    ada, number = await world.person("Ada"), _number()
    ada.codes = await _proved(ada, texts, number)
    await ada.sign_in()
    assert await ada.call("removePhone") == {"__typename": "SecondFactorRemoved", "left": False}
    assert (await _challenge(ada))["__typename"] == "SignedIn"
    assert world.store is not None
    assert not await world.store["credentials"].find_one({"phone.number": number})
