"""Loaders: what many fields ask for at once is asked of the database once."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from app.core.actor import Actor
from app.schema.kit.context import Loader


class Squares:
    """A fetch that notes what it was asked for; of odd keys it knows nothing."""

    def __init__(self) -> None:
        self.asked: list[set[int]] = []

    async def __call__(self, _: Actor, keys: Iterable[Any], __: object) -> Mapping[Any, Any]:
        self.asked.append(set(keys))
        await asyncio.sleep(0)
        return {key: key * key for key in self.asked[-1] if key % 2 == 0}


@pytest.fixture
def squares() -> Squares:
    return Squares()


@pytest.fixture
def loader(squares: Squares) -> Loader:
    return Loader(squares, Actor.platform(), None)


async def test_fields_that_ask_for_several_at_once_share_one_call(loader: Loader, squares: Squares) -> None:
    one, two, three, _ = await asyncio.gather(
        loader.load(2), loader.load_together([2, 4, 6]), loader.load_together([6, 7]), loader.load_together([])
    )
    assert one == 4
    assert [two[key] for key in (2, 4, 6)] == [4, 16, 36]
    assert [three[key] for key in (6, 7)] == [36, None]
    assert squares.asked == [{2, 4, 6, 7}]
    assert (await loader.load_together([4, 8]))[8] == 64
    assert squares.asked == [{2, 4, 6, 7}, {8}]


async def test_what_is_on_its_way_is_not_asked_for_again(loader: Loader, squares: Squares) -> None:
    early = asyncio.create_task(loader.load_many([2, 4]))
    await asyncio.sleep(0)
    assert (await loader.load_together([4, 6]))[4] == 16
    await early
    assert squares.asked == [{2, 4}, {6}]
