"""Object types drawn at random: lists of lists of anything, null or not, that resolvers answer in any way."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from random import Random
from typing import Annotated, Any, Union

import strawberry

from tests.equivalence.fuzz.catalogue import Color, leaf

TYPES, FIELDS = 6, 9
WAYS = ("attribute", "plain", "plain", "late", "late", "future", "raising")
_LEAVES: dict[Any, tuple[Any, ...]] = {
    int: (0, 7, -5, True, 1.0, "12"),
    str: ("", "text", "é", 5),
    float: (0.5, 2, -1.25, 1e300, float("nan")),
    bool: (True, False),
    Color: (Color.RED, Color.GREEN, Color.BLUE),
    strawberry.ID: ("a", 5),
}
_WRONG: tuple[Any, ...] = ("wrong", 2**40, float("nan"), [], {}, (1,), leaf(1), float("inf"), b"bytes")


@dataclass(frozen=True)
class Shape:
    """A type reference: a named type, or a list of something."""

    of: Any
    nullable: bool
    is_list: bool = False

    def annotation(self) -> Any:
        of = self.of.annotation() if isinstance(self.of, Shape | Abstract) else self.of
        inner = list[of] if self.is_list else of  # type: ignore[valid-type]
        return Union[inner, None] if self.nullable else inner  # noqa: UP007


@dataclass(frozen=True)
class Abstract:
    """An interface or a union, and the classes of its values."""

    of: Any
    members: tuple[type, ...]

    def annotation(self) -> Any:
        return self.of


class Listlike:
    """An iterable that is no list."""

    def __init__(self, items: list[Any]) -> None:
        self._items = items

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)


async def _late(value: Any, ticks: int) -> Any:
    for _ in range(ticks):
        await asyncio.sleep(0)
    if isinstance(value, Exception):
        raise value
    return value


async def _streamed(items: list[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


def _value(shape: Shape, chance: Random, n: int) -> Any:
    """What stands at a place of the shape: now and then null, an error, or something else altogether."""
    luck = chance.random()
    if luck < (0.15 if shape.nullable else 0.015):
        return None
    if luck > 0.985:
        return ValueError(f"value {n}")
    if luck > 0.975:
        return chance.choice(_WRONG)
    if not shape.is_list:
        return _one(shape.of, chance, n)
    items = [_value(shape.of, chance, n * 3 + i) for i in range(chance.choice((0, 1, 1, 2, 3)))]
    kind = chance.randrange(12)
    if kind < 2:
        items = [_late(item, i % 3) for i, item in enumerate(items)]
    return (
        items if kind < 7 else tuple(items) if kind < 8 else (item for item in items) if kind < 9
        else Listlike(items) if kind < 10 else _streamed(items)
    )  # fmt: skip


def _one(of: Any, chance: Random, n: int) -> Any:
    if of in _LEAVES:
        return chance.choice(_LEAVES[of])
    classes = of.members if isinstance(of, Abstract) else (of,)
    return instance(chance.choice(classes), (n * 31 + chance.randrange(50)) % 10_000)


def instance(cls: type, n: int) -> Any:
    """A value of one of the types; all that it says follows from its number."""
    made: Any = object.__new__(cls)
    made.n = n
    return made


def _field(shape: Shape, way: str, number: int) -> tuple[Any, property | None]:
    """The field as Strawberry declares it, and the attribute that it reads if it has no resolver."""

    def value(self: Any) -> Any:
        return _value(shape, Random(self.n * 7_919 + number), self.n)

    def plain(self: Any, n: int = 0) -> Any:
        return _value(shape, Random((self.n + n) * 7_919 + number), self.n)

    async def late(self: Any, n: int | None = None) -> Any:
        return await _late(plain(self, n or 0), (self.n + number) % 4)

    def future(self: Any) -> Any:
        return asyncio.ensure_future(late(self))

    def raising(self: Any) -> Any:
        if self.n % 4 == 0:
            raise LookupError(f"raised at {self.n}")
        return value(self)

    if way == "attribute":
        return strawberry.field(), property(value)
    resolvers = {"plain": plain, "late": late, "future": future, "raising": raising}
    return strawberry.field(resolvers[way], graphql_type=shape.annotation()), None


def _shape(chance: Random, named: list[Any], depth: int = 0) -> Shape:
    nullable = chance.random() < 0.6
    if depth < 3 and chance.random() < 0.35:
        return Shape(_shape(chance, named, depth + 1), nullable, is_list=True)
    return Shape(chance.choice(named), nullable)


def query_type(seed: int) -> type:
    """A root type whose fields lead to the types that this seed draws."""
    chance = Random(seed)
    interface = type("RandomInterface", (), {})
    classes = [type(f"R{n}", (interface,) if n % 2 else (), {}) for n in range(TYPES)]
    union: Any = Annotated[Union[tuple(classes[:3])], strawberry.union("RandomUnion")]  # noqa: UP007
    abstract = [Abstract(union, tuple(classes[:3])), Abstract(interface, tuple(classes[1::2]))]
    named = [*_LEAVES, *classes, *classes, *abstract]
    _declare(interface, strawberry.interface, chance, named, range(2))
    for number, cls in enumerate(classes, 1):
        _declare(cls, strawberry.type, chance, named, range(number * 100, number * 100 + FIELDS))
    root = type("RandomQuery", (), {})
    for name, of in {**{f"r{n}": cls for n, cls in enumerate(classes)}, "ru": abstract[0], "ri": abstract[1]}.items():
        setattr(root, name, _root_field(Shape(of, nullable=True)))
    return strawberry.type(root)


def _root_field(shape: Shape) -> Any:
    async def resolve(n: int = 1) -> Any:
        return _one(shape.of, Random(n), n % 10_000)

    return strawberry.field(resolve, graphql_type=shape.annotation())


def _declare(cls: Any, decorate: Any, chance: Random, named: list[Any], numbers: range) -> None:
    attributes: dict[str, property] = {}
    cls.__annotations__ = {}
    for number in numbers:
        shape, name = _shape(chance, named), f"f{number}"
        field, attribute = _field(shape, chance.choice(WAYS), number)
        setattr(cls, name, field)
        if attribute is not None:
            attributes[name], cls.__annotations__[name] = attribute, shape.annotation()
    decorate(cls)
    for name, attribute in attributes.items():
        setattr(cls, name, attribute)
