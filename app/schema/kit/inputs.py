"""GraphQL inputs made from the commands of the services: the rule stands once, where jobs and webhooks obey it too.

A field marked as a reference (`core.commands.Ref`) is an `ID` in GraphQL; the id of another type is refused as unknown.
"""

from collections.abc import Mapping
from functools import cache
from inspect import cleandoc
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import strawberry
from pydantic import AnyHttpUrl, BaseModel, EmailStr, ValidationError
from pydantic_core import ErrorDetails, PydanticKnownError
from strawberry.types.base import get_object_definition
from strawberry.utils.str_converters import to_camel_case

from app.core.commands import Ref, UnknownReference
from app.core.errors import Invalid, NotFound
from app.core.words import Words

C = TypeVar("C", bound=BaseModel)

_SCALARS: dict[Any, type] = {EmailStr: str, AnyHttpUrl: str}
"""What GraphQL calls the types whose rules Pydantic knows."""

ADDRESS = "Value is not a valid email address: {reason}."
"""The one message of ours that Pydantic makes without a template."""


@cache
def input_for(command: type[BaseModel], name: str) -> type:
    """The GraphQL input type with the fields of `command`; its constraints are checked by `checked`."""
    annotations: dict[str, Any] = {}
    namespace: dict[str, Any] = {}
    for field, info in command.model_fields.items():
        hint = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
        annotations[field] = _plain(hint)
        default = strawberry.UNSET
        if not info.is_required():
            value = info.get_default(call_default_factory=True)
            default = value if isinstance(value, bool | int | str) else strawberry.UNSET
            if default is strawberry.UNSET:
                annotations[field] = annotations[field] | None
        if info.is_required():
            namespace[field] = strawberry.field(description=info.description)
        else:
            namespace[field] = strawberry.field(default=default, description=info.description)
    made = type(name, (), {"__annotations__": annotations, "__module__": command.__module__, **namespace})
    return strawberry.input(made, description=cleandoc(vars(command).get("__doc__") or "") or None)


def _plain(hint: Any) -> Any:
    """The GraphQL annotation of a command's field: ids for references, inputs for nested commands, no constraints."""
    origin, parameters = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return strawberry.ID if any(isinstance(m, Ref) for m in parameters[1:]) else _plain(parameters[0])
    if origin in (Union, UnionType):
        inner = [_plain(p) for p in parameters if p is not NoneType]
        return inner[0] | None if NoneType in parameters else inner[0]
    if origin in (list, tuple, frozenset, set):
        return list[_plain(parameters[0])]  # type: ignore[misc]
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return input_for(hint, hint.__name__ + "Input")
    return _SCALARS.get(hint, hint)


def checked(command: type[C], value: object) -> C:
    """The validated command. Raises Invalid, or NotFound for an id that cannot be of the thing it should name."""
    try:
        return command.model_validate(_sent(value))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        path = ["input", *(to_camel_case(str(step)) for step in first["loc"])]
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, UnknownReference):
            raise NotFound(cause.args[0], path=path) from None
        raise Invalid(cause.args[0] if isinstance(cause, Exception) else _words(first), path=path) from None


def _sent(value: Any) -> Any:
    """What the client sent of an input: a plain dict without the fields it left out."""
    definition = get_object_definition(type(value))
    if definition is not None:
        sent = ((f.python_name, getattr(value, f.python_name)) for f in definition.fields)
        return {name: _sent(one) for name, one in sent if one is not strawberry.UNSET}
    return [_sent(one) for one in value] if isinstance(value, list) else value


def _words(found: ErrorDetails) -> Words:
    """What is wrong, as Pydantic says it."""
    values = found.get("ctx", {})
    try:
        template = ADDRESS if "reason" in values else template_of(found["type"], values)
    except KeyError:  # of somebody else's type, which no catalogue knows
        template = sentence(found["msg"])
    return Words.of(sentence(found["msg"]), template, values)


def template_of(kind: str, values: Mapping[str, Any]) -> str:
    """What Pydantic says of a broken rule, as catalogues know it."""
    template = PydanticKnownError(kind, dict(values)).message_template  # type: ignore[arg-type]
    return sentence(template.replace("{expected_plural}", "s"))


def sentence(message: str) -> str:
    return message[:1].upper() + message[1:] + ("" if message.endswith(".") else ".")
