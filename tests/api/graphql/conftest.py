"""Every test of the endpoint runs over both ways to it, and by both executors."""

from collections.abc import Iterator

import pytest

from app.execution.compiled import Plans
from tests.api import gated
from tests.api.graphql import serving


@pytest.fixture(autouse=True, params=[True, False], ids=["lean, compiled", "conforming, stock"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The lean path and code that is compiled for the first execution; or the router and graphql-core."""
    choose = Plans.choose

    def at_once(plans: Plans, *run: object) -> object:
        plans._after = 0
        return choose(plans, *run)  # type: ignore[arg-type]

    monkeypatch.setattr(Plans, "choose", at_once if request.param else lambda *_: None)
    serving.lean_path = request.param
    gated.gates.clear()
    yield
    serving.lean_path = True
