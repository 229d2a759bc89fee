"""How a mutation runs: once for its idempotency key, or as a rehearsal that keeps nothing; and when it answers."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import bson
import strawberry
from graphql import FieldNode, GraphQLError, ValidationRule
from pydantic import BaseModel
from strawberry.directive import DirectiveLocation

from app.core import changes, rows, seals
from app.core.changes.events import Event
from app.core.errors import Invalid
from app.schema.kit import settling
from app.schema.kit.context import Context, Info

MAX_KEY = 255
DIRECTIVE = "dryRun"


@strawberry.directive(
    locations=[DirectiveLocation.FIELD],
    name=DIRECTIVE,
    description=(
        "On a mutation: run it and keep nothing. The answer is what it would be, with related things as they are "
        "stored; the events that would follow are in the response's `extensions.dryRun`, by the field's response name."
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
        if not _carries(info, settling.DIRECTIVE):
            return await self._run(info, key, call, arguments)
        with changes.told() as events:
            answer = await self._run(info, key, call, arguments)
        info.context.extensions.setdefault("settled", {})[str(info.path.key)] = await settling.settle(events)
        return answer

    async def _run(
        self, info: Info, key: str | None, call: Callable[[], Awaitable[Any]], arguments: Mapping[str, Any]
    ) -> Any:
        context, place = info.context, str(info.path.key)
        if _carries(info, DIRECTIVE):
            return await self._rehearse(context, place, call)
        if key is not None and not 0 < len(key) <= MAX_KEY:
            raise Invalid("An idempotency key has 1 to {limit} characters.", path=["idempotencyKey"], limit=MAX_KEY)
        if key is None and context.idempotency_key is not None:
            key = f"{context.idempotency_key}:{place}"  # the header is for the whole document
        if key is None:
            return await call()
        return await changes.once(
            f"{context.actor.organization_id}:{context.actor.name}:{self._name}:{key}",
            self._fingerprint(arguments),
            call,
            seal=lambda answer: seals.seal("answers", bson.encode({"v": self._encode(answer)})),
            open=lambda sealed: self._decode(bson.decode(seals.unseal("answers", sealed), _AWARE)["v"]),
        )

    async def _rehearse(self, context: Context, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        rehearsal = await changes.rehearse(call)
        # What would be told names people and things; a stranger learns of none.
        told = [_shown(event) for event in rehearsal.events] if context.actor.user_id or context.actor.key_id else []
        context.extensions.setdefault("dryRun", {})[name] = {"events": told}
        return rehearsal.result

    def _fingerprint(self, arguments: Mapping[str, Any]) -> str:
        plain = {n: v.model_dump_json() if isinstance(v, BaseModel) else repr(v) for n, v in arguments.items()}
        return seals.fingerprint("requests", bson.encode(dict(sorted(plain.items())))).hex()


def _carries(info: Info, directive: str) -> bool:
    """Whether the field has the directive, or one of those that were merged with it."""
    return any(directive in _directives(node) for node in info._raw_info.field_nodes)


def _directives(node: FieldNode) -> set[str]:
    return {directive.name.value for directive in node.directives or ()}


class Placement(ValidationRule):
    """Refuses `@dryRun` and `@settled` where they would be passed over: what was meant as a rehearsal would happen."""

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        mutation = self.context.schema.mutation_type
        if mutation is not None and self.context.get_parent_type() is mutation:
            return
        for directive in sorted(_directives(node) & {DIRECTIVE, settling.DIRECTIVE}):
            message = f"@{directive} belongs on a field of the mutation itself."
            self.report_error(GraphQLError(message, node, extensions={"code": "GRAPHQL_VALIDATION_FAILED"}))


def _shown(event: Event) -> dict[str, Any]:
    row = event.row()
    return {"type": type(event).__name__, "data": {name: _plain(value) for name, value in row["d"].items()}}


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | str) else str(value)


_AWARE: bson.CodecOptions[dict[str, Any]] = bson.CodecOptions(tz_aware=True)
