"""S17: codes of apps and recovery codes are taken once, whatever else counts them."""

import asyncio

import pytest
from pyotp import TOTP

from app.core import clock
from app.core.actor import Actor
from app.core.errors import Conflict
from app.services.identity import recovery, second_factors, totp
from app.services.identity.second_factors import TotpCode
from tests.factories.identity import make_user

pytestmark = pytest.mark.usefixtures("documents", "redis")


async def _enrolled() -> tuple[Actor, TOTP, list[str]]:
    actor = Actor(user_id=(await make_user(password="a long password")).id)
    app = TOTP((await second_factors.begin_totp(actor)).secret)
    codes = await second_factors.confirm_totp(actor, TotpCode(code=app.at(int(clock.source()))), "")
    return actor, app, codes.codes


async def test_of_twenty_times_at_once_a_code_is_taken_once() -> None:
    actor, app, _ = await _enrolled()
    assert actor.user_id
    code = app.at(int(clock.source()) + 30)
    taken = await asyncio.gather(*(totp.take(actor.user_id, code) for _ in range(20)))
    assert sum(taken) == 1
    assert not await totp.take(actor.user_id, code)


async def test_of_twenty_times_at_once_a_recovery_code_is_taken_once() -> None:
    actor, _, codes = await _enrolled()
    assert actor.user_id
    taken = await asyncio.gather(*(recovery.take(actor.user_id, codes[0]) for _ in range(20)))
    assert sum(taken) == 1
    assert await recovery.take(actor.user_id, codes[1])


async def test_an_app_that_counts_is_not_replaced() -> None:
    actor, _, _ = await _enrolled()
    with pytest.raises(Conflict):
        await second_factors.begin_totp(actor)
