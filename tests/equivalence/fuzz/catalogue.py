"""Strawberry types by hand: a field for every way in which Strawberry resolves a value and every kind it completes."""

import asyncio
import enum
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, NewType, TypeVar
from uuid import UUID

import strawberry
from strawberry import UNSET
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig

from tests.equivalence.fuzz.scene import Info

T = TypeVar("T")


@strawberry.enum
class Color(enum.Enum):
    RED = "red"
    GREEN = 2
    BLUE = "b"


class Even(BasePermission):
    message = "not even"

    def has_permission(self, source: Any, info: Any, **_: Any) -> bool:
        return getattr(source, "n", 0) % 2 == 0


class Slow(BasePermission):
    message = "too slow"

    async def has_permission(self, source: Any, info: Any, **_: Any) -> bool:
        await asyncio.sleep(0)
        return getattr(source, "n", 0) % 5 != 0


class Loud(FieldExtension):
    def resolve(self, next_: Callable[..., Any], source: Any, info: Any, **given: Any) -> Any:
        return str(next_(source, info, **given)).upper()


class Later(FieldExtension):
    async def resolve_async(self, next_: Callable[..., Any], source: Any, info: Any, **given: Any) -> Any:
        await asyncio.sleep(0)
        return await next_(source, info, **given)


def _odd_out(value: int) -> int | None:
    if value % 7 == 0:
        raise ValueError(f"no {value}")
    return None if value % 11 == 0 else value


Odd = NewType("Odd", int)
CONFIG = StrawberryConfig(scalar_map={Odd: strawberry.scalar(name="Odd", serialize=_odd_out, parse_value=int)})


@strawberry.input
class Filter:
    low: int = 0
    tags: list[str] = strawberry.field(default_factory=list)
    sub: "Filter | None" = None
    color: Color | None = None
    grid: list[list[int | None]] | None = UNSET
    day: date | None = None


def fail(n: int, every: int) -> None:
    if n % every == 0:
        raise ValueError(f"failed at {n} of {every}")


@strawberry.interface
class Named:
    id: strawberry.ID

    @strawberry.field
    def kind(self) -> str:
        return type(self).__name__

    @strawberry.field
    async def late_kind(self) -> str | None:
        await asyncio.sleep(0)
        return type(self).__name__


@strawberry.interface
class Counted:
    n: int

    @classmethod
    def resolve_type(cls, value: Any, info: Any, *_: Any) -> str:
        return "Twig" if value.n % 13 == 0 and isinstance(value, Leaf) else type(value).__name__


@strawberry.type
class Box(Generic[T]):
    item: T
    items: list[T | None]


@strawberry.type
class Leaf(Named, Counted):
    name: str | None
    score: float
    when: datetime
    color: Color
    flag: bool
    secret: strawberry.Private[object] = None

    @strawberry.field
    def bad(self) -> str | None:
        fail(self.n, 2)
        return "ok"

    @strawberry.field
    def bad_required(self) -> str:
        fail(self.n, 5)
        return "ok"

    @strawberry.field
    async def late_bad(self) -> int | None:
        await asyncio.sleep(0)
        fail(self.n, 3)
        return self.n

    @strawberry.field
    async def late_bad_required(self) -> int:
        for _ in range(self.n % 3):
            await asyncio.sleep(0)
        fail(self.n, 7)
        return self.n

    @strawberry.field(permission_classes=[Even])  # type: ignore[untyped-decorator]
    def even(self) -> str | None:
        return "even"

    @strawberry.field(permission_classes=[Even, Slow])  # type: ignore[untyped-decorator]
    async def slow(self) -> str:
        return "slow"

    @strawberry.field(extensions=[Loud()])  # type: ignore[untyped-decorator]
    def loud(self, word: str = "x") -> str:
        return word

    @strawberry.field(extensions=[Later()])  # type: ignore[untyped-decorator]
    async def later(self) -> "Leaf | None":
        return leaf(self.n + 1)

    @strawberry.field
    def told(
        self,
        info: Info,
        a: int = 3,
        b: str | None = None,
        f: Filter | None = None,
        many: list[int] | None = None,
        color: Color = Color.RED,
        when: datetime | None = None,
        ids: list[strawberry.ID | None] | None = UNSET,
    ) -> str:
        return f"{a!r} {b!r} {f!r} {many!r} {color!r} {when!r} {ids!r} {info.field_name} {info.path.as_list()}"

    @strawberry.field
    def named_root(self, root: Any, word: Annotated[str, strawberry.argument(name="as")] = "x") -> str:
        return f"{root.n}{word}"

    @strawberry.field
    def parent(parent: strawberry.Parent["Leaf"], info: Info) -> str:
        selected = [getattr(field, "name", None) for field in info.selected_fields]
        return f"{parent.n} {info.python_name} {info.return_type!s} {selected} {sorted(info.variable_values)}"

    @strawberry.field
    def json(self, value: JSON | None = None) -> JSON | None:
        return value if value is not None else {"n": self.n, "list": [1, None]}  # type: ignore[return-value]

    @strawberry.field
    def decimal(self) -> Decimal:
        return Decimal(self.n) / 4

    @strawberry.field
    def uuid(self) -> UUID:
        return UUID(int=self.n) if self.n % 3 else "no uuid"  # type: ignore[return-value]

    @strawberry.field
    def day(self) -> date | None:
        return date(2026, 1, 1 + self.n % 28) if self.n % 4 else None

    @strawberry.field
    def odd(self) -> Odd:
        return Odd(self.n)

    @strawberry.field
    def odds(self) -> list[Odd | None]:
        return [Odd(self.n), Odd(self.n + 1), Odd(self.n + 2)]

    @strawberry.field
    def wrong(self) -> int:
        return [12, "x", 2**40, "12", 1.0, True][self.n % 6]  # type: ignore[return-value]

    @strawberry.field
    def wrong_text(self) -> str | None:
        return [1, True, b"x", "text", 1.5, object()][self.n % 6]  # type: ignore[return-value]

    @strawberry.field
    def wrong_color(self) -> Color | None:
        return [Color.RED, "red", 2, "RED", None, "PINK"][self.n % 6]  # type: ignore[return-value]

    @strawberry.field
    def wrong_list(self) -> list[int] | None:
        return [5, "12", {"a": 1}, None, (1, 2), range(2)][self.n % 6]  # type: ignore[return-value]

    @strawberry.field
    def wrong_object(self) -> "Leaf | None":
        return [leaf(1), "leaf", {"n": 1}, 5, Twig(id=strawberry.ID("t"), n=1, word=None), []][self.n % 6]  # type: ignore[return-value]

    @strawberry.field
    def returned_error(self) -> int | None:
        return ValueError(f"returned {self.n}") if self.n % 2 else self.n  # type: ignore[return-value]

    @strawberry.field
    def other(self) -> "Leaf | None":
        return leaf(self.n + 1) if self.n < 60 else None

    @strawberry.field
    def other_required(self) -> "Leaf":
        return leaf(self.n + 2) if self.n % 4 else None  # type: ignore[return-value]

    @strawberry.field
    async def kids(self, count: int = 2) -> "list[Leaf]":
        return [leaf(self.n * 2 + i) for i in range(min(count, 3))]

    @strawberry.field
    def optional_kids(self) -> "list[Leaf | None]":
        return [leaf(self.n + i) if i % 2 else None for i in range(3)]

    @strawberry.field
    def generated(self) -> "list[Leaf]":
        def generate() -> Iterator[Leaf]:
            yield leaf(self.n + 1)
            fail(self.n, 4)
            yield leaf(self.n + 2)

        return generate()  # type: ignore[return-value]

    @strawberry.field
    async def streamed(self) -> "list[Leaf | None] | None":
        async def generate() -> AsyncIterator[Leaf | None]:
            yield leaf(self.n + 1)
            await asyncio.sleep(0)
            fail(self.n, 4)
            yield None

        return generate()  # type: ignore[return-value]

    @strawberry.field
    def awaitables(self) -> list[int | None]:
        async def one(n: int) -> int:
            for _ in range(n % 3):
                await asyncio.sleep(0)
            fail(n, 5)
            return n

        return [one(self.n), self.n, one(self.n + 1)]  # type: ignore[list-item]

    @strawberry.field
    def mixed(self) -> "list[Annotated[Leaf | Twig, strawberry.union('Mixed')]]":
        return [leaf(self.n + 1), Twig(id=strawberry.ID("t"), n=self.n, word="w")]

    @strawberry.field
    def mixed_wrong(self) -> "Annotated[Leaf | Twig, strawberry.union('MixedOne')] | None":
        return [leaf(3), Color.RED, Twig(id=strawberry.ID("u"), n=3, word="v")][self.n % 3]  # type: ignore[return-value]

    @strawberry.field
    def named(self) -> list[Named] | None:
        return (leaf(self.n + 3), Twig(id=strawberry.ID("t2"), n=self.n + 1, word=None))  # type: ignore[return-value]

    @strawberry.field
    async def counted(self) -> list[Counted | None]:
        return [leaf(self.n + 3), Twig(id=strawberry.ID("t3"), n=self.n + 1, word=None)]

    @strawberry.field
    def future(self) -> "Leaf":
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Leaf] = loop.create_future()
        if self.n % 6:
            loop.call_soon(future.set_result, leaf(self.n + 1))
        else:
            loop.call_soon(future.set_exception, ValueError(f"future of {self.n}"))
        return future  # type: ignore[return-value]

    @strawberry.field
    def done(self) -> "Leaf | None":
        future: asyncio.Future[Leaf | None] = asyncio.get_running_loop().create_future()
        future.set_result(leaf(self.n + 5) if self.n % 3 else None)
        return future  # type: ignore[return-value]

    @strawberry.field
    def loaded(self, info: Info, of: int = 1) -> "Leaf | None":
        return info.context.load(_load, self.n % 9 + of)  # type: ignore[return-value]

    @strawberry.field
    def shared(self, info: Info) -> "Leaf":
        return info.context.future(self.n % 12, leaf)  # type: ignore[return-value]

    @strawberry.field
    def shared_optional(self, info: Info, of: int = 4) -> "Leaf | None":
        return info.context.future(of, leaf)  # type: ignore[return-value]

    @strawberry.field
    def broken(self, info: Info) -> "Leaf | None":
        return info.context.load(_break, self.n)  # type: ignore[return-value]

    @strawberry.field
    def matrix(self) -> list[list[int]]:
        return [[1, self.n], [self.n, "z"]] if self.n % 4 == 0 else [[1], [2]]  # type: ignore[list-item]

    @strawberry.field
    def optional_matrix(self) -> list[list[int | None] | None] | None:
        return [[1, None], None, [self.n, "z"]]  # type: ignore[list-item]

    @strawberry.field
    def cubes(self) -> "list[list[list[Leaf]] | None]":
        return [[[leaf(self.n)], []], None if self.n % 3 else [[leaf(self.n + 1), None]]]  # type: ignore[list-item]

    @strawberry.field
    def box(self) -> "Box[Leaf] | None":
        return Box(item=leaf(self.n), items=[None, leaf(self.n + 1)])

    @strawberry.field
    def box_of_text(self) -> Box[str]:
        return Box(item="x", items=["y", None, 5])  # type: ignore[list-item]

    @strawberry.field
    async def nested_awaitable(self) -> int | None:
        async def inner() -> int:
            await asyncio.sleep(0)
            return 5

        return inner()  # type: ignore[return-value]


@strawberry.type
class Twig(Named, Counted):
    word: str | None

    @strawberry.field
    async def up(self) -> Leaf:
        fail(self.n, 4)
        return leaf(self.n)

    @strawberry.field
    def told(self, info: Info, a: int = 3) -> str:
        return f"twig {a} {info.parent_type.name if hasattr(info, 'parent_type') else info.path.typename}"


def leaf(n: int) -> Leaf:
    return Leaf(
        id=strawberry.ID(str(n)),
        n=n,
        name=None if n % 3 == 0 else f"n{n}",
        score=n / 4 if n % 7 else float("nan"),
        when=datetime(2026, 1, 1, n % 24, tzinfo=UTC),
        color=list(Color)[n % 3],
        flag=bool(n % 2) if n % 10 else "yes",  # type: ignore[arg-type]
    )


async def _load(_: Any, keys: Any, __: Any) -> dict[Any, Any]:
    await asyncio.sleep(0)
    return {key: leaf(key) for key in keys if key % 4 != 3}


async def _break(_: Any, keys: Any, __: Any) -> dict[Any, Any]:
    raise LookupError("the loader broke")
