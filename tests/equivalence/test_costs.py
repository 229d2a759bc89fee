"""S3: what an operation is said to cost before it runs is never less than what its answer holds."""

import gc
from collections import Counter
from typing import Any

import pytest
from graphql import OperationDefinitionNode, OperationType, parse

from app.core.actor import Actor
from app.execution.limits import Limits
from app.execution.prices import price
from app.execution.selection import columns
from tests.equivalence import executors
from tests.equivalence.fuzz.campaign import ARGUMENTS, SCALARS
from tests.equivalence.fuzz.comparison import ACTORS, Outcome, watched
from tests.equivalence.fuzz.operations import Grammar
from tests.equivalence.fuzz.roots import schema
from tests.equivalence.fuzz.scene import Scene

OPERATIONS = 1_000


def objects(value: Any) -> int:
    """How many objects an answer holds; what a `json` field holds are none."""
    if isinstance(value, dict):
        return 1 + sum(objects(inner) for key, inner in value.items() if not key.startswith("json"))
    return sum(map(objects, value)) if isinstance(value, list) else 0


@pytest.mark.timeout(600)  # a matter of half a minute, but for other work on the machine
async def test_s3_no_answer_holds_more_than_was_paid_for() -> None:
    graph, actor, held = schema(5), ACTORS[0], Counter[bool]()
    grammar = Grammar(graph, SCALARS, ARGUMENTS)
    gc.freeze()  # so that looking for what an execution left takes no time
    for seed in range(OPERATIONS):
        drawn = grammar.draw(seed)
        async with watched(Outcome()):
            paid, answered = await _both(graph, drawn.text, drawn.variables, actor)
        assert paid >= answered, drawn.text
        held[answered > 0] += 1
    assert held[True] >= OPERATIONS // 2, "nearly all answers are empty"


async def _both(graph: Any, text: str, variables: dict[str, Any], actor: Actor) -> tuple[int, int]:
    """The price of an operation, and the objects in its answer; of a subscription nothing is run."""
    document = parse(text)
    [operation] = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    cost = price(graph, document, operation, Limits().cost)
    context = Scene(actor, shielded=True)
    context.fields = columns(graph, document, operation)
    executor = executors.reference(graph, document, operation)(variables, context)
    if isinstance(executor, list) or operation.operation is OperationType.SUBSCRIPTION:
        return cost.fixed, 0
    result = await executors.execute(executor)
    answered = max(0, objects(result.data) - 1)
    return cost.of(executor.variable_values.coerced), answered
