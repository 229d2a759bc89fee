"""ID-5, S17: authenticator apps, recovery codes, and proving again who one is for what is sensitive."""

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from pyotp import TOTP, parse_uri

from tests import documents
from tests.world import PASSWORD, Person, Processes, World, until


async def _challenge(person: Person) -> dict[str, Any]:
    """What a sign-in with the password answers."""
    anybody = Person(person.world, "Anybody", "")
    return dict(await anybody.call("signIn", input={"email": person.email, "password": PASSWORD}))


async def _complete(person: Person, token: str, secret: str, way: str = "TOTP") -> dict[str, Any]:
    given = {"token": token, "way": way, "secret": secret}
    return dict(await Person(person.world, "Anybody", "").call("completeSignIn", input=given))


def _next(secret: str) -> str:
    """A code that confirming has not taken: of the step after it."""
    return TOTP(secret).at(int(time.time()) + 30)


async def _prove(person: Person, way: str, secret: str) -> dict[str, Any]:
    """Prove again who one is; the person goes on with the token that they get."""
    challenge = await person.call("beginStepUp")
    answer = await person.call("stepUp", input={"token": challenge["token"], "way": way, "secret": secret})
    person.token = answer.get("accessToken", person.token)
    return dict(answer)


async def test_an_app_is_enrolled_by_a_uri_a_picture_or_by_hand_and_confirmed_by_a_code(world: World) -> None:
    ada = await world.person("Ada")
    enrolment = await ada.call("beginTotp")
    app = parse_uri(enrolment["uri"])
    assert isinstance(app, TOTP)
    assert (app.issuer, app.name, app.secret) == ("Atrium", ada.email, enrolment["secret"])
    assert enrolment["svg"].startswith("<svg ")
    assert (await _challenge(ada))["__typename"] == "SignedIn"  # not before it is confirmed
    assert (await ada.call("confirmTotp", input={"code": "000000"}))["code"] == "WRONG_CODE"
    codes = (await ada.call("confirmTotp", input={"code": app.now()}))["codes"]
    assert len(set(codes)) == 10
    assert (await ada.call("me"))["secondFactor"]
    challenge = await _challenge(ada)
    assert (challenge["__typename"], challenge["code"]) == ("SecondFactorRequired", "SECOND_FACTOR_REQUIRED")
    assert challenge["ways"] == ["TOTP", "RECOVERY_CODE"]
    signed_in = await _complete(ada, challenge["token"], _next(enrolment["secret"]))
    assert signed_in["user"]["id"] == ada.id


async def test_one_code_used_twenty_times_at_once_lets_one_in(world: World) -> None:
    ada = await world.person("Ada")
    code = _next(await ada.enrol())
    *tokens, last = [(await _challenge(ada))["token"] for _ in range(21)]
    answers = await asyncio.gather(*(_complete(ada, token, code) for token in tokens))
    assert [answer["__typename"] for answer in answers].count("SignedIn") == 1
    assert (await _complete(ada, last, code))["__typename"] != "SignedIn"


async def test_a_code_of_the_step_before_or_after_is_taken_and_none_from_farther_away(world: World) -> None:
    ada = await world.person("Ada")
    enrolment = await ada.call("beginTotp")
    app = TOTP(enrolment["secret"])
    for steps in (-3, 3):
        code = app.at(int(time.time()) + 30 * steps)
        assert (await ada.call("confirmTotp", input={"code": code}))["code"] == "WRONG_CODE", steps
    early = app.at(int(time.time()) + 30)
    assert len((await ada.call("confirmTotp", input={"code": early}))["codes"]) == 10
    before = await _complete(ada, (await _challenge(ada))["token"], app.now())
    assert before["code"] == "WRONG_CODE"  # one from before the newest that was taken


async def test_a_recovery_code_is_good_once_and_new_ones_end_those_of_before(world: World) -> None:
    ada = await world.person("Ada")
    await ada.enrol()
    first, second, *_ = ada.codes
    tokens = [(await _challenge(ada))["token"] for _ in range(10)]
    answers = await asyncio.gather(*(_complete(ada, token, first.upper(), "RECOVERY_CODE") for token in tokens))
    assert [answer["__typename"] for answer in answers].count("SignedIn") == 1
    ada.token = next(answer["accessToken"] for answer in answers if answer["__typename"] == "SignedIn")
    renewed = (await ada.call("renewRecoveryCodes"))["codes"]
    grace = await world.person("Grace")
    await grace.enrol()
    for code in (second, grace.codes[0]):  # of before, and of somebody else
        assert (await _prove(ada, "RECOVERY_CODE", code))["__typename"] != "SignedIn"
    assert len(renewed) == 10
    assert not set(renewed) & {first, second}


async def test_a_challenge_takes_five_answers(world: World) -> None:
    ada = await world.person("Ada")
    await ada.enrol()
    token = (await _challenge(ada))["token"]
    wrong = [(await _complete(ada, token, "000000"))["code"] for _ in range(5)]
    assert wrong == ["WRONG_CODE"] * 5
    right = await _complete(ada, token, ada.codes[0], "RECOVERY_CODE")
    assert right["code"] == "TICKET_OVER"


async def test_a_challenge_is_answered_once_in_time_and_for_what_it_was_asked(world: World) -> None:
    ada = await world.person("Ada")
    await ada.enrol()
    token = (await _challenge(ada))["token"]
    stepping_up = {"token": token, "way": "RECOVERY_CODE", "secret": ada.codes[0]}
    assert (await ada.call("stepUp", input=stepping_up))["code"] == "TICKET_OVER"
    assert (await _complete(ada, token, ada.codes[0], "RECOVERY_CODE"))["__typename"] == "SignedIn"
    assert (await _complete(ada, token, ada.codes[1], "RECOVERY_CODE"))["code"] == "TICKET_OVER"
    late = (await _challenge(ada))["token"]
    await world.age(late, timedelta(minutes=10))
    assert (await _complete(ada, late, ada.codes[1], "RECOVERY_CODE"))["code"] == "TICKET_OVER"


async def test_a_challenge_holds_though_the_sign_in_carried_an_idempotency_key(world: World) -> None:
    ada = await world.person("Ada")
    await ada.enrol()
    given = {"email": ada.email, "password": PASSWORD}
    challenge = await Person(world, "Anybody", "").call("signIn", input=given, idempotencyKey="second factor")
    assert (await _complete(ada, challenge["token"], ada.codes[0], "RECOVERY_CODE"))["__typename"] == "SignedIn"


async def test_the_password_is_no_second_factor(world: World) -> None:
    ada = await world.person("Ada")
    await ada.enrol()
    challenge = await _challenge(ada)
    assert (await _complete(ada, challenge["token"], PASSWORD, "PASSWORD"))["code"] == "WRONG_CODE"
    assert (await ada.call("beginStepUp"))["ways"] == ["TOTP", "RECOVERY_CODE"]


async def test_what_is_sensitive_needs_a_fresh_proof_and_without_a_second_factor_the_password_is_one(
    world: World,
) -> None:
    ada = await world.person("Ada")
    given: dict[str, Any] = {"input": {"email": "ada.elsewhere@example.com"}}
    await ada.age(timedelta(days=1))
    answer = await ada.answer("""mutation { beginTotp { __typename } }""")
    extensions = answer["errors"][0]["extensions"]
    assert (extensions["code"], extensions["level"], extensions["by"]) == ("STEP_UP_REQUIRED", 1, "beginStepUp")
    assert await ada.refused("changeEmail", **given) == "STEP_UP_REQUIRED"
    stale = ada.token
    assert (await _prove(ada, "PASSWORD", "not the password"))["code"] == "WRONG_CODE"
    assert await ada.refused("changeEmail", **given) == "STEP_UP_REQUIRED"
    answer = await _prove(ada, "PASSWORD", PASSWORD)
    assert answer["refreshToken"] is None
    assert (await ada.call("changeEmail", **given))["__typename"] == "VerificationSent"
    thief = Person(world, "Thief", "", token=stale)  # the token of before proves no more than it did
    assert await thief.refused("changeEmail", **given) == "STEP_UP_REQUIRED"


async def test_with_a_second_factor_the_password_is_not_enough(world: World) -> None:
    ada = await world.person("Ada")
    secret = await ada.enrol()

    async def heard() -> bool:
        text = "mutation { removeTotp @dryRun { __typename } }"
        errors = (await ada.answer(text)).get("errors", [])
        return bool(errors) and errors[0]["extensions"]["level"] == 2

    await until(heard)  # the session has proved a password only
    assert (await _prove(ada, "TOTP", _next(secret)))["__typename"] == "SignedIn"
    assert await ada.call("removeTotp") == {"__typename": "SecondFactorRemoved", "left": False}
    assert (await _challenge(ada))["__typename"] == "SignedIn"
    assert not (await ada.call("me"))["secondFactor"]


async def test_staff_take_lost_factors_off_and_the_person_is_told_why(world: World, processes: Processes) -> None:
    staff, ada = world.staff, await world.person("Ada")
    assert staff
    assert world.office
    await ada.enrol()
    given = {"userId": ada.id, "reason": "They have shown their passport."}
    assert await ada.refused("resetSecondFactors", input=given) == "FORBIDDEN"
    assert await staff.call("resetSecondFactors", input=given) == {
        "__typename": "SecondFactorRemoved", "left": False
    }  # fmt: skip

    async def over() -> bool:
        return (await ada.post("{ me { id } }")).status_code == 401

    await until(over)
    assert (await _challenge(ada))["__typename"] == "SignedIn", "the password alone lets them in"
    office = world.office

    async def told() -> list[str]:
        letters = [one for one in office.to(ada.email) if one["Subject"] == "Your second factor was removed"]
        return [str(letter.get_body(("plain",)).get_content()) for letter in letters]  # type: ignore[union-attr]

    assert "They have shown their passport." in (await until(told))[0]
    assert (await staff.call("resetSecondFactors", input=given))["code"] == "NOT_FOUND"

    async def audited() -> Any:
        entries = (await staff.call("platformAuditEntries", about=ada.id))["nodes"]
        return [one for one in entries if one["action"] == "second_factors.reset"]

    [entry] = await until(audited)
    assert entry["actor"] == f"u:{staff.id.partition('_')[2]}"


async def test_those_of_staff_are_taken_off_by_the_command_line_only(world: World, processes: Processes) -> None:
    staff, ada = world.staff, await world.person("Ada")
    assert staff
    await ada.enrol()
    processes.run("staff", "grant", ada.email, "--role", "support")
    given = {"userId": ada.id, "reason": "They asked."}
    assert (await staff.call("resetSecondFactors", input=given))["code"] == "STAFF_FACTORS_STAY"
    told = processes.run("staff", "recover", ada.email, "--reason", "They stood at our desk.")
    assert "signs in with the password alone now" in " ".join(told.split())
    assert (await _challenge(ada))["__typename"] == "SignedIn"
    told = processes.run("staff", "recover", ada.email, "--reason", "Again.", status=1)
    assert " ".join(told.split()) == "This person has no second factor."


async def test_somebody_elses_challenge_is_none(world: World) -> None:
    ada, grace = await world.person("Ada"), await world.person("Grace")
    token = (await ada.call("beginStepUp"))["token"]
    given = {"token": token, "way": "PASSWORD", "secret": PASSWORD}
    assert (await grace.call("stepUp", input=given))["code"] == "TICKET_OVER"


@pytest.mark.parametrize("name", ["deleteOrganization", "createApiKey", "beginPasskey", "removePasskey"])
def test_what_is_sensitive_says_so(name: str) -> None:
    assert "One must have proved lately who one is" in str(documents.field(name).description)


async def test_wrong_codes_count_as_guesses_at_the_account(world: World) -> None:
    ada = await world.person("Ada")
    await ada.enrol()
    codes = []
    for _ in range(3):
        token = (await _challenge(ada))["token"]
        codes += [(await _complete(ada, token, "000000"))["code"] for _ in range(4)]
    assert codes == ["WRONG_CODE"] * 10 + ["TOO_MANY_ATTEMPTS"] * 2


async def test_the_secret_is_stored_sealed_and_the_codes_as_fingerprints(world: World) -> None:
    ada = await world.person("Ada")
    secret = await ada.enrol()
    assert world.store is not None
    stored = await world.store["credentials"].find_one({"_id": ObjectId(ada.id.partition("_")[2])})
    assert secret not in str(stored)
    assert not any(code in str(stored) for code in ada.codes)
