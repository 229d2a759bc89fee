"""Who gets in."""

import pytest

from app.api.actors import Actors
from app.core.errors import Unavailable


@pytest.mark.parametrize("authorization", [None, "Bearer of.some.token"])
async def test_nobody_gets_in_before_the_ends_of_sessions_are_heard_of(authorization: str | None) -> None:
    with pytest.raises(Unavailable):
        await Actors().authenticate(authorization)
