"""Whether the bench does what it says: what a fault test strikes must really have been struck."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from tests.faults.deployment import Deployment, deployed
from tests.faults.histories import History, Outcome, disorder
from tests.faults.members import Member
from tests.faults.storms import Storm, chance

pytestmark = pytest.mark.timeout(300)


async def test_a_cut_wire_is_silent_and_what_was_sent_arrives_when_it_is_mended(tmp_path: Path) -> None:
    async with deployed(tmp_path, nodes=1, wired=True) as deployment:
        await deployment.database["rows"].insert_one({"_id": 1})
        async with deployment.parted(deployment.nodes[0]):
            late = asyncio.create_task(deployment.database["rows"].insert_one({"_id": 2}))
            await asyncio.sleep(0.5)
            assert not late.done()
            with pytest.raises(PyMongoError):
                await _client_answers(deployment)
        await late
        await _client_answers(deployment)


async def _client_answers(deployment: Deployment) -> None:
    async with AsyncMongoClient[dict[str, Any]](deployment.mongo.uri, timeoutMS=500) as client:
        await client.admin.command("ping")


async def test_only_those_that_are_named_are_parted(tmp_path: Path) -> None:
    async with deployed(tmp_path, workers=2, nodes=1, wired=True) as deployment:
        leader = await _leader(deployment)
        async with deployment.parted(leader, *deployment.nodes):
            start = time.monotonic()
            while await _leader(deployment) is leader:
                assert time.monotonic() < start + 60
                await asyncio.sleep(0.2)
        assert deployment.ended() == []


async def _leader(deployment: Deployment) -> Member:
    while (leader := await deployment.leader()) is None:
        await asyncio.sleep(0.05)
    return leader


async def test_a_seed_decides_the_order_of_faults_and_each_comes_before_any_comes_again(tmp_path: Path) -> None:
    async def fault(deployment: Deployment, chance: object) -> str:
        return "nobody"

    async def struck(seed: int) -> list[str]:
        storm = Storm(seed, dict.fromkeys("abcdef", fault), pause=0)
        await storm.rage(Deployment(tmp_path), lambda: len(storm.struck) >= 12)
        return [name for name, _ in storm.struck]

    first = await struck(1)
    assert await struck(1) == first != await struck(2)
    assert sorted(first[:6]) == list("abcdef")
    assert chance(1, "a").random() != chance(1, "b").random()


async def test_a_history_tells_what_was_lost_or_doubled_and_forgives_what_is_unknown() -> None:
    history = History()
    for key, outcome in {"kept": Outcome.OK, "lost": Outcome.OK, "refused": Outcome.FAIL}.items():
        history.invoke("client", key).end(outcome)
    history.invoke("client", "unknown and there")
    history.invoke("client", "unknown and not there")
    assert history.problems(["kept", "lost", "unknown and there"]) == []
    wrong = history.problems(["kept", "kept", "refused", "nobody's"])
    assert [line.partition(",")[0] for line in wrong] == [
        "1 acknowledged",
        "1 there twice",
        "1 refused only",
        "1 there",
    ]
    assert disorder("abc", "abc") is None
    assert disorder("acb", "abc") == "all, in another order"
    assert disorder("ab", "abc") == "1 missing, 0 too many"
