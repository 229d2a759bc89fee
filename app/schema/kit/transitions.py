"""What may happen next to a thing, on every type with a state machine."""

from typing import Any

import strawberry

from app.core.machines import Availability, Machine
from app.core.words import said
from app.schema.kit.context import Info

TRANSITIONS = "What may happen next, by whom it may be asked for; timers are among them."


def _reason(row: strawberry.Parent[Availability]) -> str | None:
    return None if row.blocked_reason is None else said(row.blocked_reason)


@strawberry.type(description="A transition out of the present state: whether the caller may take it now, and why not.")
class AvailableTransition:
    name: str
    allowed: bool
    blocked_reason: str | None = strawberry.field(resolver=_reason, description="In the language of the request.")


def available_transitions(machine: Machine) -> Any:
    def resolve(row: strawberry.Parent[Any], info: Info) -> list[Availability]:
        return machine.available(info.context.actor, row)

    return strawberry.field(resolve, graphql_type=list[AvailableTransition], description=TRANSITIONS)
