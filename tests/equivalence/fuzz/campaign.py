"""Many random operations on both executors, over schemas that hold everything."""

import gc
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

from graphql import DocumentNode, GraphQLSchema, parse, print_ast, specified_rules, validate

from app.core.actor import Actor
from app.core.paging import Edge
from tests.equivalence import executors
from tests.equivalence.executors import Contestant
from tests.equivalence.fuzz.comparison import ACTORS, Comparison, Difference, LeftBehind
from tests.equivalence.fuzz.kit import CourseRow, id_of
from tests.equivalence.fuzz.operations import Drawn, Grammar
from tests.equivalence.fuzz.roots import schema
from tests.equivalence.fuzz.shrinking import shrink, smaller

PER_SCHEMA = 500
"""Operations before the random types of the schema are drawn anew."""
SCALARS = {"Odd": (1, 5, 7, 11)}
ARGUMENTS = {
    "idempotencyKey": None,  # it needs a database
    "first": (1, 2, 3, 0),
    "after": (*(Edge(CourseRow.at(id_of(2, n)), ("_id",)).cursor for n in (1, 5, 20)), "none of ours"),
}


@dataclass(frozen=True)
class Failure:
    """An operation that differs, and in what; `shrunk` is the smallest that differs so."""

    difference: str
    schema: GraphQLSchema
    drawn: Drawn
    actor: Actor
    other: Contestant

    @property
    def kind(self) -> str:
        return self.difference.split("\n")[0]

    async def shrunk(self) -> "Failure":
        found = self

        async def fails(candidate: DocumentNode) -> bool:
            nonlocal found
            smaller = await _difference(self.schema, candidate, self.drawn.variables, self.actor, self.other)
            if smaller is None or smaller.kind != self.kind:
                return False
            found = smaller
            return True

        await shrink(self.schema, parse(self.drawn.text), fails)
        return found

    def __str__(self) -> str:
        declared = {name: value for name, value in self.drawn.variables.items() if f"${name}" in self.drawn.text}
        who = sorted(self.actor.permissions) or self.actor.name
        return f"{self.difference}\n  variables: {declared}, actor: {who}\n{self.drawn.text}"


@dataclass
class Tally:
    """What was compared, and what was found."""

    seen: Counter[str] = field(default_factory=Counter)
    texts: set[str] = field(default_factory=set)
    failures: list[Failure] = field(default_factory=list)
    seconds: float = 0

    def table(self) -> str:
        rows = {"distinct operations": len(self.texts), **dict(sorted(self.seen.items())), "failed": len(self.failures)}
        lines = [f"| {name} | {number:,} |" for name, number in rows.items()]
        return "\n".join(["| | |", "|---|---|", *lines, f"| seconds | {self.seconds:.0f} |"])


async def run(operations: int, seed: int, other: Contestant = executors.compiled, *, failures: int = 10) -> Tally:
    """Compare as many operations, drawn from the seed on, until so many have failed."""
    tally, begun = Tally(), time.perf_counter()
    compiled, interpreted = executors.executions()
    handed_back = executors.deoptimised()
    actors = cycle((ACTORS[0], *ACTORS))
    for n in range(operations):
        if len(tally.failures) == failures:
            break
        if n % PER_SCHEMA == 0:
            graph = schema(seed + n)
            gc.freeze()  # so that looking for what an execution left takes no time
            grammar = Grammar(graph, SCALARS, ARGUMENTS)
        drawn = grammar.draw(seed * 1_000_003 + n)
        await _compare(tally, graph, drawn, next(actors), other)
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    more_compiled, more_interpreted = executors.executions()
    tally.seen["compiled executions"] = more_compiled - compiled
    tally.seen["interpreted executions"] = more_interpreted - interpreted
    tally.seen["values handed back to graphql-core"] = executors.deoptimised() - handed_back
    tally.seconds = time.perf_counter() - begun
    return tally


async def _compare(tally: Tally, graph: GraphQLSchema, drawn: Drawn, actor: Actor, other: Contestant) -> None:
    document = parse(drawn.text)
    if validate(graph, document, specified_rules):
        tally.seen["rejected"] += 1
        return
    tally.texts.add(drawn.text)
    found = await _difference(graph, document, drawn.variables, actor, other, tally.seen)
    if found is not None:
        tally.failures.append(found)


async def _difference(
    graph: GraphQLSchema,
    document: DocumentNode,
    variables: dict[str, Any],
    actor: Actor,
    other: Contestant,
    seen: Counter[str] | None = None,
) -> Failure | None:
    def failure(difference: Difference) -> Failure:
        return Failure(str(difference), graph, Drawn(print_ast(document), variables), actor, other)

    try:
        compared = await Comparison(graph, document, variables, actor, other).run()
    except LeftBehind as difference:
        if not await _leaves(graph, document, variables, actor, difference.left):
            return failure(difference)
        compared = difference.seen + Counter(["left behind, as by graphql-core when it is asked for less"])
    except Difference as difference:
        return failure(difference)
    if seen is not None:
        seen.update(compared)
    return None


async def _leaves(
    graph: GraphQLSchema, document: DocumentNode, variables: dict[str, Any], actor: Actor, left: Counter[str]
) -> bool:
    """Whether graphql-core leaves so much behind, too, when one part of the operation is taken away."""
    for candidate in smaller(document):
        if not validate(graph, candidate, specified_rules):
            found = await Comparison(graph, candidate, variables, actor, executors.reference).left()
            if left <= found:
                return True
    return False
