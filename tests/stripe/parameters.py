"""What may be sent to Stripe: what stripe-python's own types of parameters allow, read off them, however deep.

A type's keys are all that is allowed; a text that is no number where a number is wanted, or none of the words where
words are, is refused as well. Source of the forms of parameters: https://docs.stripe.com/api
"""

import functools
import sys
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict
from urllib.parse import parse_qsl

import stripe
import stripe.params
import typing_extensions

Params = dict[str, Any]
_CALLS = frozenset(stripe.RequestOptions.__annotations__)
"""What stripe-python's types have besides: how to call, not what to send."""


class BadParameter(Exception):
    """Something that Stripe does not know, or not so; `param` names it as Stripe does."""

    def __init__(self, param: str, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.param, self.code = param, code


def decoded(form: str) -> Params:
    """The parameters in a form, or in what follows the `?` of an address: `a[b][0][c]=d`."""
    root: Params = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        parts = name.replace("]", "").split("[")
        place: Any = root
        for part in parts[:-1]:
            place = place.setdefault(part, {})
        if parts[-1] == "":  # `expand[]=...`
            place[str(len(place))] = value
        else:
            place[parts[-1]] = value
    return root


def checked(params: Params, kind: str) -> Params:
    """The same with numbers, booleans and lists for what they are. Raises BadParameter."""
    value: Params = _typed(params, named(kind), "")
    return value


@functools.cache
def named(kind: str) -> Any:
    """A type of parameters: `PaymentIntentCreateParams`, `checkout.SessionCreateParams`."""
    found: Any = stripe.params
    for part in kind.split("."):
        found = getattr(found, part)
    return found


@functools.cache
def _hints(kind: Any) -> tuple[Mapping[str, Any], frozenset[str]]:
    module = vars(sys.modules[kind.__module__])
    hints = get_type_hints(kind, {**vars(typing_extensions), "StripeContext": Any, **module}, include_extras=False)
    required = frozenset(getattr(kind, "__required_keys__", ()))
    return {name: hint for name, hint in hints.items() if name not in _CALLS}, required


def _typed(value: Any, hint: Any, where: str) -> Any:
    if is_typeddict(hint) or typing_extensions.is_typeddict(hint):
        return _object(value, hint, where)
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (typing_extensions.NotRequired, typing_extensions.Required):
        return _typed(value, inside[0], where)
    if origin in (Union, types.UnionType):
        return _one_of(value, inside, where)
    if origin is list:
        if not isinstance(value, dict):
            raise BadParameter(where, f"Invalid array: {where}")
        return [_typed(one, inside[0], f"{where}[{n}]") for n, one in value.items()]
    if origin is dict:
        if not isinstance(value, dict):
            raise BadParameter(where, f"Invalid object: {where}")
        return {name: _typed(one, inside[1], f"{where}[{name}]") for name, one in value.items()}
    if origin is Literal:
        if value not in [str(one) for one in inside]:
            raise BadParameter(where, f"Invalid {where}: must be one of {', '.join(map(str, inside))}")
        return value
    return _scalar(value, hint, where)


def _object(value: Any, hint: Any, where: str) -> Params:
    if not isinstance(value, dict):
        raise BadParameter(where, f"Invalid object: {where}")
    hints, required = _hints(hint)
    found: Params = {}
    for name, one in value.items():
        place = f"{where}[{name}]" if where else name
        if name not in hints:
            raise BadParameter(place, f"Received unknown parameter: {place}", "parameter_unknown")
        found[name] = _typed(one, hints[name], place)
    for name in sorted(required - found.keys()):
        if get_origin(hints[name]) is not typing_extensions.NotRequired:
            place = f"{where}[{name}]" if where else name
            raise BadParameter(place, f"Missing required param: {place}.", "parameter_missing")
    return found


def _one_of(value: Any, hints: tuple[Any, ...], where: str) -> Any:
    if value == "" and any(hint is type(None) or get_args(hint) == ("",) for hint in hints):
        return ""
    last: BadParameter | None = None
    for hint in hints:
        if hint is type(None):
            continue
        try:
            return _typed(value, hint, where)
        except BadParameter as error:
            last = error
    raise last or BadParameter(where, f"Invalid {where}")


def _scalar(value: Any, hint: Any, where: str) -> Any:
    if not isinstance(value, str):
        raise BadParameter(where, f"Invalid string: {where}")
    if hint is int:
        if not value.removeprefix("-").isdecimal():
            raise BadParameter(where, f"Invalid integer: {value}", "parameter_invalid_integer")
        return int(value)
    if hint is bool:
        if value not in ("true", "false"):
            raise BadParameter(where, f"Invalid boolean: {value}")
        return value == "true"
    return value
