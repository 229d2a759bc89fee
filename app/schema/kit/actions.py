"""What mutations act on, told by the ids in their commands; and who may take these actions, by rehearsing them.

There is no table of who may do what to a thing: the audience of the field is asked, and then the service itself, in a
transaction that is rolled back.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel

from app.core import changes
from app.core.actor import Actor
from app.core.commands import Ref
from app.core.errors import AppError, Forbidden, NotFound
from app.core.machines import IllegalTransition
from app.schema.kit.audiences import Audience
from app.schema.kit.context import Context
from app.schema.kit.inputs import checked

SOME_TEXT = "…"
"""Stands for what people write, where a command needs it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether somebody may take an action, and why not."""

    action: "Action"
    error: AppError | None = None
    at_door: bool = False
    """Whether it was the audience that refused."""
    complete: bool = False
    """Whether the rules about the thing itself were asked."""


@dataclass(frozen=True, slots=True)
class _As:
    """All that a resolver is told of a rehearsal."""

    context: Context


@dataclass(frozen=True, slots=True)
class Action:
    """A mutation, as something that is done to a thing."""

    name: str
    audience: Audience
    call: Callable[..., Awaitable[Any]]
    command: type[BaseModel] | None

    def upon(self, kind: str, row: Any) -> "Deed | None":
        """The action with `row`, which is of the type `kind`, as its object; None if it has no such object.

        What names nothing and is for members is done to their organization.
        """
        refs = list(_refs(self.command)) if self.command else []
        for field, ref, many in refs:
            if kind in (ref.kind, ref.place):
                id = row.id if kind == ref.kind else getattr(row, field)
                return Deed(self, {field: [id] if many else id}, between_people=kind == "User" and ref.place is None)
        return Deed(self, {}) if kind == "Organization" and self.audience.inside and not refs else None


@dataclass(frozen=True, slots=True)
class Deed:
    """An action with its object."""

    action: Action
    given: Mapping[str, Any]
    between_people: bool = False
    """Whether its rules could tell what a person thinks of another."""

    async def ask(self, actor: Actor, *, rehearse: bool) -> Verdict:
        """Whether the actor may take the action now; unless it is to `rehearse`, only what the audience says."""
        action = self.action
        try:
            action.audience.check_writer(actor)
        except AppError as error:
            return Verdict(action, error, at_door=True)
        allowed, command = Verdict(action), action.command
        if not rehearse:
            return allowed
        open = [name for name, field in _required(command) if name not in self.given and field.annotation is str]
        arguments: dict[str, Any] = {}
        if command is not None:
            try:
                arguments["input"] = checked(command, {**dict.fromkeys(open, SOME_TEXT), **self.given})
            except AppError:
                return allowed  # it takes more than the thing to say
        try:
            await changes.rehearse(lambda: action.call(None, info=_As(Context(actor)), **arguments))
        except AppError as error:
            if open and not isinstance(error, Forbidden | IllegalTransition | NotFound):
                return allowed  # it may be about what stands for a text
            return replace(allowed, error=error, complete=True)
        return replace(allowed, complete=True)


def _required(command: type[BaseModel] | None) -> Iterator[tuple[str, Any]]:
    fields = command.model_fields if command else {}
    return ((name, field) for name, field in fields.items() if field.is_required())


def _refs(command: type[BaseModel]) -> Iterator[tuple[str, Ref, bool]]:
    """The things that a command must name: by which field, of what kind, and whether several at once."""
    for name, field in _required(command):
        marks, many = field.metadata, get_origin(field.annotation) is list
        if many:
            inner = get_args(field.annotation)[0]
            marks = get_args(inner)[1:] if get_origin(inner) is Annotated else ()
        for mark in marks:
            if isinstance(mark, Ref):
                yield name, mark, many
