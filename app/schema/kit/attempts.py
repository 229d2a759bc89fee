"""How a mutation runs: once for its idempotency key, or as a rehearsal that keeps nothing."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import bson
import strawberry
from pydantic import BaseModel
from strawberry.directive import DirectiveLocation

from app.core import changes, rows, seals
from app.core.changes.events import Event
from app.core.errors import Invalid
from app.schema.kit.context import Context, Info

MAX_KEY = 255


@strawberry.directive(
    locations=[DirectiveLocation.FIELD],
    name="dryRun",
    description=(
        "On a mutation: run it and keep nothing. The answer is what it would be; the events that would follow "
        "are in the response's `extensions.dryRun`, by the field's response name."
    ),
)
def dry_run() -> None:
    """Only declares the directive: `Attempt` reads it from the operation."""


class Attempt:
    """One mutation's way to run: its name, and how its answer is stored."""

    def __init__(self, name: str, returns: Any) -> None:
        self._name = name
        self._encode, self._decode = rows.codec(returns)

    async def __call__(
        self, info: Info, key: str | None, call: Callable[[], Awaitable[Any]], arguments: Mapping[str, Any]
    ) -> Any:
        context, node = info.context, info._raw_info.field_nodes[0]
        if any(directive.name.value == "dryRun" for directive in node.directives or ()):
            return await self._rehearse(context, str(info.path.key), call)
        key = context.idempotency_key if key is None else key
        if key is None:
            return await call()
        if not 0 < len(key) <= MAX_KEY:
            raise Invalid(f"An idempotency key has 1 to {MAX_KEY} characters.", path=["idempotencyKey"])
        return await changes.once(
            f"{context.actor.organization_id}:{context.actor.name}:{self._name}:{key}",
            self._fingerprint(arguments),
            call,
            seal=lambda answer: seals.seal("answers", bson.encode({"v": self._encode(answer)})),
            open=lambda sealed: self._decode(bson.decode(seals.unseal("answers", sealed), _AWARE)["v"]),
        )

    async def _rehearse(self, context: Context, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        rehearsal = await changes.rehearse(call)
        told = [_shown(event) for event in rehearsal.events]
        context.extensions.setdefault("dryRun", {})[name] = {"events": told}
        return rehearsal.result

    def _fingerprint(self, arguments: Mapping[str, Any]) -> str:
        plain = {n: v.model_dump_json() if isinstance(v, BaseModel) else repr(v) for n, v in arguments.items()}
        return seals.fingerprint("requests", bson.encode(dict(sorted(plain.items())))).hex()


def _shown(event: Event) -> dict[str, Any]:
    row = event.row()
    return {"type": type(event).__name__, "data": {name: _plain(value) for name, value in row["d"].items()}}


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | str) else str(value)


_AWARE: bson.CodecOptions[dict[str, Any]] = bson.CodecOptions(tz_aware=True)
