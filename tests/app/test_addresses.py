"""ID-2: e-mail addresses are proved, and changed when both have confirmed."""

import asyncio
import secrets
from datetime import timedelta

from tests.world import Person, World, until

WELCOME, CONFIRM = "Welcome to Atrium", "Confirm your new address"


def _address() -> str:
    return f"new.{secrets.token_hex(4)}@example.com"


async def _verified(person: Person) -> bool:
    return bool((await person.call("me"))["emailVerified"])


async def _verify(person: Person) -> None:
    token = await person.world.link(person.email, WELCOME)
    assert await person.call("verifyEmail", input={"token": token}) == {
        "__typename": "EmailVerified",
        "email": person.email,
    }


async def test_the_link_of_the_welcome_verifies_the_address_once(world: World) -> None:
    ada, anybody = await world.person("Ada"), Person(world, "Anybody", "")
    assert not await _verified(ada)
    token = await world.link(ada.email, WELCOME)
    answers = await asyncio.gather(*(anybody.call("verifyEmail", input={"token": token}) for _ in range(20)))
    assert sorted(answer["__typename"] for answer in answers) == ["EmailVerified"] + ["InvalidError"] * 19  # S17
    assert {answer["code"] for answer in answers if "code" in answer} == {"TICKET_OVER"}
    assert await _verified(ada)
    assert (await ada.call("resendEmailVerification"))["code"] == "ALREADY_VERIFIED"


async def test_the_link_can_be_sent_again_a_few_times(world: World) -> None:
    ada = await world.person("Ada")
    answers = [await ada.call("resendEmailVerification") for _ in range(4)]
    assert [answer["__typename"] for answer in answers] == ["VerificationSent"] * 3 + ["LimitReachedError"]
    assert answers[-1]["code"] == "TOO_MANY_ATTEMPTS"
    token = await world.link(ada.email, "Confirm your address", after=2)
    assert (await ada.call("verifyEmail", input={"token": token}))["email"] == ada.email


async def test_a_link_ends_with_its_time(world: World) -> None:
    ada = await world.person("Ada")
    token = await world.link(ada.email, WELCOME)
    await world.age(token, timedelta(days=2))
    assert (await ada.call("verifyEmail", input={"token": token}))["code"] == "TICKET_OVER"
    assert not await _verified(ada)


async def test_an_address_changes_when_both_have_confirmed(world: World) -> None:
    ada = await world.person("Ada")
    await _verify(ada)
    before, new = ada.email, _address()
    assert await ada.call("changeEmail", input={"email": new}) == {"__typename": "VerificationSent", "email": new}
    tokens = [await world.link(address, CONFIRM) for address in (new, before)]
    first = await ada.call("confirmEmailChange", input={"token": tokens[0]})
    assert first == {"__typename": "EmailConfirmed", "email": new, "changed": False}
    assert (await ada.call("me"))["email"] == before
    assert (await ada.call("confirmEmailChange", input={"token": tokens[0]}))["code"] == "TICKET_OVER"
    assert (await ada.call("confirmEmailChange", input={"token": tokens[1]}))["changed"]
    assert (await ada.call("me"))["email"] == new
    assert await _verified(ada)
    ada.email = new
    await ada.sign_in()


async def test_both_confirming_at_once_change_the_address(world: World) -> None:
    ada = await world.person("Ada")
    await _verify(ada)
    new = _address()
    await ada.call("changeEmail", input={"email": new})
    tokens = [await world.link(address, CONFIRM) for address in (new, ada.email)]
    answers = await asyncio.gather(*(ada.call("confirmEmailChange", input={"token": t}) for t in tokens * 10))
    assert sorted(answer.get("changed", "over") for answer in answers if "changed" in answer) == [False, True]
    assert (await ada.call("me"))["email"] == new


async def test_an_address_that_was_never_proved_is_told_and_need_not_confirm(world: World) -> None:
    ada, new = await world.person("Ada"), _address()
    await ada.call("changeEmail", input={"email": new})
    token = await world.link(new, CONFIRM)
    assert (await ada.call("confirmEmailChange", input={"token": token}))["changed"]

    async def told() -> bool:
        assert world.office
        return any(letter["Subject"] == "Your address is to change" for letter in world.office.to(ada.email))

    await until(told)


async def test_only_the_newest_change_counts(world: World) -> None:
    ada, first, second = await world.person("Ada"), _address(), _address()
    await ada.call("changeEmail", input={"email": first})
    stale = await world.link(first, CONFIRM)
    await ada.call("changeEmail", input={"email": second})
    assert (await ada.call("confirmEmailChange", input={"token": stale}))["code"] == "TICKET_OVER"
    token = await world.link(second, CONFIRM)
    assert (await ada.call("confirmEmailChange", input={"token": token}))["changed"]


async def test_the_address_of_another_account_cannot_be_had_and_the_answer_does_not_tell(world: World) -> None:
    ada, grace = await world.person("Ada"), await world.person("Grace")
    answer = await ada.call("changeEmail", input={"email": grace.email})
    assert answer == {"__typename": "VerificationSent", "email": grace.email}

    async def told() -> bool:
        assert world.office
        return any(letter["Subject"] == "You have an account already" for letter in world.office.to(grace.email))

    await until(told)


async def test_an_address_taken_meanwhile_is_refused(world: World) -> None:
    ada, new = await world.person("Ada"), _address()
    await ada.call("changeEmail", input={"email": new})
    token = await world.link(new, CONFIRM)
    given = {"email": new, "password": ada.password, "name": "Grace"}
    await Person(world, "Grace", new).call("register", input=given)
    assert (await ada.call("confirmEmailChange", input={"token": token}))["code"] == "EMAIL_TAKEN"


async def test_links_to_the_address_before_are_worth_nothing_after_a_change(world: World) -> None:
    ada, new = await world.person("Ada"), _address()
    stale = await world.link(ada.email, WELCOME)
    await ada.call("requestPasswordReset", input={"email": ada.email})
    reset = await world.link(ada.email, "Choose a new password")
    await ada.call("changeEmail", input={"email": new})
    await ada.call("confirmEmailChange", input={"token": await world.link(new, CONFIRM)})
    assert (await ada.call("verifyEmail", input={"token": stale}))["code"] == "TICKET_OVER"
    refused = await ada.call("resetPassword", input={"token": reset, "password": "something else entirely"})
    assert refused["code"] == "TICKET_OVER"


async def test_a_rehearsal_uses_no_link_up(world: World) -> None:
    ada = await world.person("Ada")
    token = await world.link(ada.email, WELCOME)
    query = """mutation($t: String!) { verifyEmail(input: {token: $t}) @dryRun { __typename } }"""
    assert await ada.ask(query, t=token) == {"verifyEmail": {"__typename": "EmailVerified"}}
    assert not await _verified(ada)
    await _verify(ada)
