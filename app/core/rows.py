"""Rows: what readers get of a document - plain attributes, decoded from a projection by generated code.

The fields of a thing are annotated once, in a subclass of Row; the Beanie document that writers make inherits the
same class. Reading an attribute that was not projected raises AttributeError, never a silent default.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, ClassVar, Self, TypeVar, Union, get_args, get_origin, get_type_hints

from bson import ObjectId

from app.core import keyring
from app.core.keyring import Sealed
from app.core.privacy import Policies, Subject

Names = frozenset[str]
Decode = Callable[[Mapping[str, Any]], Any]
R = TypeVar("R", bound="Row")


class Value:
    """Base of the dataclasses embedded in documents and rows alike (a reaction, an amount of money, ...)."""

    __slots__ = ()


class Row:
    """Base of every read model.

    Class attributes are the defaults of documents that were stored before the field was.
    """

    collection: ClassVar[str]
    audited: ClassVar[Names] = frozenset()
    """Columns whose values before and after every change are kept with it, sealed: no secrets."""
    policies: ClassVar[Policies] = {}
    """What becomes of each column but `id` when a person is erased."""
    data_subjects: ClassVar[Sequence[Subject]] = ()
    """Whose data a row holds."""
    owner_columns: ClassVar[Sequence[str]] = ()
    """What `data_owner` reads."""
    id: ObjectId

    _plans: ClassVar[dict[Names | None, tuple[dict[str, int], Decode]]]
    _encoder: ClassVar[Callable[[Any], dict[str, Any]]]

    @classmethod
    def data_owner(cls, stored: Mapping[str, Any]) -> str:
        """Whose data key seals what is kept of a stored document."""
        return keyring.PLATFORM

    @classmethod
    def columns(cls) -> Mapping[str, Any]:
        """Every stored attribute with its type."""
        hints = get_type_hints(cls).items()
        return {name: hint for name, hint in hints if get_origin(hint) is not ClassVar and hint is not ClassVar}

    @classmethod
    def plan(cls, names: Names | None = None) -> tuple[dict[str, int], Decode]:
        """The MongoDB projection for `names` (None: every column) and the compiled decoder of its documents."""
        if "_plans" not in cls.__dict__:
            cls._plans = {}
        plan = cls._plans.get(names)
        if plan is None:
            columns = cls.columns()
            chosen = [name for name in columns if name != "id" and (names is None or name in names)]
            plan = cls._plans[names] = (dict.fromkeys(["_id", *chosen], 1), _decoder(cls, columns, chosen))
        return plan

    @classmethod
    def decode(cls, document: Mapping[str, Any]) -> Self:
        """The whole row in a stored document."""
        row: Self = cls.plan()[1](document)
        return row

    def encode(self) -> dict[str, Any]:
        """The stored form; `decode` is its inverse. The row must be whole."""
        model: type[Row] = next(c for c in type(self).__mro__ if "collection" in c.__dict__)
        encoder: Callable[[Row], dict[str, Any]] | None = model.__dict__.get("_encoder")
        if encoder is None:
            encoder = _encoder(model)
            model._encoder = staticmethod(encoder)
        return encoder(self)


def codec(hint: Any) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Functions that turn a value of the annotated type (row, Value, enum, list or scalar) into BSON and back."""
    scope: dict[str, Any] = {}
    write, read = _write("value", hint, scope), _read("value", hint, scope)
    exec(f"def encode(value): return {write}\ndef decode(value): return {read}", scope)  # noqa: S102
    return scope["encode"], scope["decode"]


def _decoder(cls: type[Row], columns: Mapping[str, Any], names: list[str]) -> Decode:
    slots = type(cls.__name__, (cls,), {"__slots__": tuple(columns), "__module__": cls.__module__})
    scope: dict[str, Any] = {"Row": slots, "new": object.__new__}
    lines = ["def decode(document):", " row = new(Row)", " row.id = document['_id']"]
    for name in names:
        source = f"document[{name!r}]"
        value = _read(source, columns[name], scope)
        if hasattr(cls, name):
            default = f"default_{name}"
            scope[default] = getattr(cls, name)
            copied = f"{default}.copy()" if isinstance(scope[default], list | dict | set) else default
            value = f"{value} if {name!r} in document else {copied}"
        lines.append(f" row.{name} = {value}")
    exec("\n".join([*lines, " return row"]), scope)  # noqa: S102 - generated from annotations only
    decode: Decode = scope["decode"]
    return decode


def _encoder(cls: type[Row]) -> Callable[[Any], dict[str, Any]]:
    scope: dict[str, Any] = {}
    parts = [f"{name!r}: {_write(f'row.{name}', hint, scope)}" for name, hint in cls.columns().items() if name != "id"]
    exec(f"def encode(row):\n return {{'_id': row.id, {', '.join(parts)}}}", scope)  # noqa: S102
    encode: Callable[[Any], dict[str, Any]] = scope["encode"]
    return encode


def _read(source: str, hint: Any, scope: dict[str, Any]) -> str:
    """The expression that turns what BSON holds into what the column is annotated as."""
    kind, inner = _shape(hint)
    if kind == "optional":
        value = _read(source, inner, scope)
        return source if value == source else f"(None if {source} is None else {value})"
    if kind == "list":
        value = _read("item", inner, scope)
        return source if value == "item" else f"[{value} for item in {source}]"
    if kind == "sealed":
        scope["Sealed"] = Sealed
        return f"Sealed({source})"
    if kind == "enum":
        scope[hint.__name__] = {member.value: member for member in hint}
        return f"{hint.__name__}[{source}]"
    if kind == "row":
        scope[hint.__name__] = hint
        return f"{hint.__name__}.decode({source})"
    if kind == "value":
        scope[hint.__name__], hints = hint, get_type_hints(hint)
        parts = []
        for part in fields(hint):
            at = f"{source}[{part.name!r}]"
            value = _read(at, hints[part.name], scope)
            default = f"default_{hint.__name__}_{part.name}"
            if part.default is not MISSING:
                scope[default] = part.default
                value = f"({value} if {part.name!r} in {source} else {default})"
            elif part.default_factory is not MISSING:
                scope[default] = part.default_factory
                value = f"({value} if {part.name!r} in {source} else {default}())"
            parts.append(value)
        return f"{hint.__name__}({', '.join(parts)})"
    return source


def _write(source: str, hint: Any, scope: dict[str, Any]) -> str:
    """The expression that turns an attribute into what BSON can hold."""
    kind, inner = _shape(hint)
    if kind == "optional":
        value = _write(source, inner, scope)
        return source if value == source else f"(None if {source} is None else {value})"
    if kind == "list":
        value = _write("item", inner, scope)
        return f"list({source})" if value == "item" else f"[{value} for item in {source}]"
    if kind == "enum":
        return f"{source}.value"
    if kind == "row":
        return f"{source}.encode()"
    if kind == "value":
        hints = get_type_hints(hint)
        parts = (f"{p.name!r}: {_write(f'{source}.{p.name}', hints[p.name], scope)}" for p in fields(hint))
        return f"{{{', '.join(parts)}}}"
    return source


def _shape(hint: Any) -> tuple[str, Any]:
    origin, parameters = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        rest = [p for p in parameters if p is not NoneType]
        return ("optional", rest[0]) if len(rest) == 1 and len(parameters) == 2 else ("plain", None)
    if origin is list:
        return "list", parameters[0]
    if hint is Sealed:
        return "sealed", None
    if isinstance(hint, type) and issubclass(hint, Enum):
        return "enum", None
    if isinstance(hint, type) and issubclass(hint, Row):
        return "row", None
    if isinstance(hint, type) and issubclass(hint, Value) and is_dataclass(hint):
        return "value", None
    return "plain", None
