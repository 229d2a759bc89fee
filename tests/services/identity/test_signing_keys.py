"""S15: keys that sign access tokens change without anybody noticing, and what they signed ends with them."""

import asyncio

import jwt
import pytest
from bson import ObjectId

from app.core import changes, database, seals
from app.core.actor import UNPROVEN, Actor
from app.core.errors import Forbidden
from app.core.settings import settings
from app.models import SigningKey
from app.services.identity import signing_keys, tokens
from app.services.identity.tokens import BadToken
from tests.services.identity.conftest import Clock

PLATFORM = Actor.platform()
NOTICE = signing_keys.NOTICE.total_seconds()
LEEWAY = signing_keys.LEEWAY.total_seconds()

pytestmark = pytest.mark.usefixtures("no_keys")


async def token() -> str:
    made, _ = await tokens.access(ObjectId(), ObjectId(), None, UNPROVEN)
    return made


def kid(made: str) -> str:
    return str(jwt.get_unverified_header(made)["kid"])


async def test_the_first_sign_in_makes_the_first_key() -> None:
    made = await token()
    assert (await tokens.claims(made)).organization_id is None
    assert [str(key.id) for key in await signing_keys.stored(PLATFORM)] == [kid(made)]


async def test_first_sign_ins_at_once_are_all_believed() -> None:
    made = await asyncio.gather(*(token() for _ in range(20)))
    signing_keys.forget()
    for one in made:
        await tokens.claims(one)


async def test_the_next_key_is_published_before_it_signs_and_the_last_is_believed_until_its_tokens_end(
    moved: Clock,
) -> None:
    old = await token()
    key = await signing_keys.rotate(PLATFORM)
    signing_keys.forget()
    assert kid(await token()) == kid(old)
    assert {one["kid"] for one in await signing_keys.published()} == {kid(old), str(key.id)}
    moved.ahead = NOTICE - 1
    last = await token()
    assert kid(last) == kid(old)
    moved.ahead = NOTICE + 1
    assert kid(await token()) == str(key.id)
    moved.ahead = NOTICE - 1 + settings().access_token_seconds - 1
    await tokens.claims(last)
    forged = await _unending(kid(old))
    await tokens.claims(forged)
    moved.ahead = NOTICE + settings().access_token_seconds + LEEWAY + 1
    for over in (last, forged):  # the second says that it has not ended: its key has
        with pytest.raises(BadToken):
            await tokens.claims(over)
    assert [one["kid"] for one in await signing_keys.published()] == [str(key.id)]


async def _unending(kid: str) -> str:
    key = await signing_keys.believed(kid)
    assert key
    issued = 1_800_000_000
    said = {"iss": str(settings().public_url), "aud": "atrium", "sub": "0" * 24, "sid": "0" * 24, "iat": issued}
    return jwt.encode({**said, "exp": issued * 2}, key.private, "EdDSA", {"typ": "at+jwt", "kid": kid})


async def test_a_key_that_was_stolen_is_worth_nothing_at_once() -> None:
    old = await token()
    key = await signing_keys.rotate(PLATFORM, revoke=True)
    signing_keys.forget()
    with pytest.raises(BadToken):
        await tokens.claims(old)
    assert kid(await token()) == str(key.id)


async def test_a_process_learns_of_a_key_when_it_meets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    await token()
    monkeypatch.setattr(signing_keys, "PAUSE", 0.0)
    mine = signing_keys._ring
    await signing_keys.rotate(PLATFORM, revoke=True)  # in another process, of which this one has not heard
    signing_keys.forget()
    made = await token()
    monkeypatch.setattr(signing_keys, "_ring", mine)
    await tokens.claims(made)


async def test_unknown_names_of_keys_cost_one_look_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    made, looks = await token(), 0
    load = signing_keys._load

    async def counted() -> object:
        nonlocal looks
        looks += 1
        return await load()

    monkeypatch.setattr(signing_keys, "_load", counted)
    rest = made.partition(".")[2]
    for number in range(100):
        forged = jwt.encode({}, "x" * 32, "HS256", {"typ": "at+jwt", "kid": f"{number}"}).split(".")[0]
        with pytest.raises(BadToken):
            await tokens.claims(f"{forged}.{rest}")
    assert looks <= 1
    await tokens.claims(made)


async def test_only_the_age_of_the_newest_key_makes_the_schedule_rotate(moved: Clock) -> None:
    assert not await signing_keys.rotate_when_due(PLATFORM)
    await token()
    assert not await signing_keys.rotate_when_due(PLATFORM)
    moved.ahead = settings().signing_key_days * 86_400 + 1
    assert await signing_keys.rotate_when_due(PLATFORM)
    assert not await signing_keys.rotate_when_due(PLATFORM)
    assert len(await signing_keys.stored(PLATFORM)) == 2


async def test_the_database_holds_no_private_key_and_takes_none() -> None:
    made = await token()
    key = await signing_keys.believed(kid(made))
    assert key
    stored = await database.collection(SigningKey.collection).find({}).to_list()
    assert key.private.private_bytes_raw() not in b"".join(one["sealed"] for one in stored)
    planted = {"_id": ObjectId(), "sealed": key.private.private_bytes_raw(), "created_at": stored[0]["created_at"]}
    await database.collection(SigningKey.collection).insert_one({**planted, "signs_at": planted["created_at"]})
    signing_keys.forget()
    assert await signing_keys.believed(str(planted["_id"])) is None
    assert kid(await token()) == kid(made)


async def test_after_a_change_of_the_secret_another_key_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    old = await token()
    seal = seals.key
    monkeypatch.setattr(seals, "key", lambda purpose, length=32: seal(f"other {purpose}", length))
    signing_keys.forget()
    made = await token()
    assert kid(made) != kid(old)
    await tokens.claims(made)
    with pytest.raises(BadToken):
        await tokens.claims(old)


async def test_a_rehearsal_may_be_what_makes_the_first_key() -> None:
    await changes.rehearse(token)
    await tokens.claims(await token())


async def test_only_the_platform_sees_keys() -> None:
    with pytest.raises(Forbidden):
        await signing_keys.rotate(Actor(user_id=ObjectId()))
    with pytest.raises(Forbidden):
        await signing_keys.stored(Actor(user_id=ObjectId()))
