"""The root types: what is written by hand, what Atrium's kit makes, and what is drawn at random."""

import asyncio
from collections.abc import AsyncGenerator

import strawberry
from graphql import GraphQLSchema

from tests.equivalence.fuzz.catalogue import CONFIG, Counted, Filter, Leaf, Named, Twig, fail, leaf
from tests.equivalence.fuzz.kit import KitMutation, KitQuery, KitSubscription
from tests.equivalence.fuzz.random_types import query_type
from tests.equivalence.fuzz.scene import Info


@strawberry.type
class CatalogueQuery:
    fixed: int = 5

    @strawberry.field
    def leaf(self, n: int = 1) -> Leaf | None:
        return leaf(n % 1_000)

    @strawberry.field
    async def late_leaf(self, n: int = 1) -> Leaf | None:
        fail(n, 11)
        return leaf(n % 1_000)

    @strawberry.field
    def named(self, n: int = 2) -> Named | None:
        return leaf(n % 1_000) if n % 2 else Twig(id=strawberry.ID("q"), n=n % 1_000, word="z")

    @strawberry.field
    def counted(self, n: int = 2) -> Counted | None:
        return leaf(n % 1_000) if n % 2 else Twig(id=strawberry.ID("q"), n=n % 1_000, word="z")

    @strawberry.field
    async def leaves(self, n: int = 3) -> list[Leaf]:
        return [leaf(i) for i in range(1, 1 + n % 5)]


@strawberry.type
class CatalogueMutation:
    @strawberry.mutation
    async def add(self, info: Info, n: int) -> Leaf:
        info.context.log.append(f"add {n}")
        await asyncio.sleep(0)
        info.context.log.append(f"added {n}")
        fail(n, 5)
        return leaf(n % 1_000)

    @strawberry.mutation
    def add_optional(self, info: Info, n: int, filter: Filter | None = None) -> Leaf | None:
        info.context.log.append(f"optional {n} {filter!r}")
        fail(n, 2)
        return leaf(n % 1_000)


@strawberry.type
class CatalogueSubscription:
    @strawberry.subscription
    async def leaves(self, info: Info, n: int = 3) -> AsyncGenerator[Leaf, None]:
        for i in range(1, 2 + n % 4):
            await asyncio.sleep(0)
            yield leaf(i)

    @strawberry.subscription
    async def numbers(self, to: int = 3) -> AsyncGenerator[int | None, None]:
        for i in range(to % 5):
            yield [1, None, "x", 2**40, 5][i]  # type: ignore[misc]
        fail(to, 3)


def schema(seed: int) -> GraphQLSchema:
    """Everything by hand, and the types that this seed draws."""

    @strawberry.type
    class Query(CatalogueQuery, KitQuery, query_type(seed)):  # type: ignore[misc]
        pass

    @strawberry.type
    class Mutation(CatalogueMutation, KitMutation):
        pass

    @strawberry.type
    class Subscription(CatalogueSubscription, KitSubscription):
        pass

    return strawberry.Schema(Query, Mutation, Subscription, types=[Twig], config=CONFIG)._schema
