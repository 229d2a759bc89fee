"""Random operations answer alike on compiled code and on graphql-core; the long form is `make equivalence`."""

import pytest

from tests.equivalence.fuzz.campaign import run

OPERATIONS = 120


@pytest.mark.timeout(600)  # a matter of half a minute, but for other work on the machine
async def test_random_operations_answer_alike() -> None:
    tally = await run(OPERATIONS, seed=1)
    assert tally.failures == []
    assert tally.seen["rejected"] <= OPERATIONS // 50
    assert tally.seen["compiled executions"] >= 2 * len(tally.texts) * 0.9, "operations fall back"
    assert tally.seen["no errors"] >= OPERATIONS // 4, "nearly everything fails: little is compared"
    assert tally.seen["errors equal"] >= OPERATIONS // 2
