"""Who gets in."""

import asyncio

import pytest
from bson import ObjectId

from app.api import actors
from app.api.actors import Actors
from app.core import clock
from app.core.actor import ANONYMOUS, Actor
from app.core.changes import Hub
from app.core.errors import Unavailable
from app.core.networks import OPEN, Rules
from app.services.identity import sessions, tokens
from app.services.platform import networks as platform_networks


@pytest.mark.parametrize("authorization", [None, "Bearer of.some.token"])
async def test_nobody_gets_in_before_the_ends_of_sessions_are_heard_of(authorization: str | None) -> None:
    with pytest.raises(Unavailable):
        await Actors().authenticate(authorization)


async def test_a_crowd_that_comes_back_asks_the_database_in_turns_and_for_each_token_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asking = most = asked = 0

    async def actor_of(claims: object) -> Actor:
        nonlocal asking, most, asked
        asking, asked = asking + 1, asked + 1
        most = max(most, asking)
        await asyncio.sleep(0)
        asking -= 1
        return ANONYMOUS

    async def claims(token: str) -> tokens.Claims:
        return said

    async def rules() -> Rules:
        return OPEN

    said = tokens.Claims(ObjectId(), ObjectId(), None, clock.source() + 60)
    monkeypatch.setattr(tokens, "claims", claims)
    monkeypatch.setattr(sessions, "actor_of", actor_of)
    monkeypatch.setattr(platform_networks, "rules", rules)
    door = Actors()
    door.watch(Hub())
    names = [*map(str, range(100)), *["0"] * 100]
    found = await asyncio.gather(*(door.authenticate(f"Bearer {name}") for name in names))
    assert most == actors.LOOKING_UP
    assert len({id(one) for one in found}) == 100
    assert asked == 100
