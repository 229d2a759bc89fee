"""State machines and events: nothing is declared that cannot happen or that nobody hears."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import fields
from enum import StrEnum

import pytest

import app.models
import app.services
from app.core.actor import Actor
from app.core.changes import Event
from app.core.clock import new_id
from app.core.machines import Machine
from app.models import StoredRow


def _modules(package: object) -> list[object]:
    path, name = package.__path__, package.__name__  # type: ignore[attr-defined]
    return [importlib.import_module(found.name) for found in pkgutil.walk_packages(path, f"{name}.")]


MACHINES = {
    f"{module.__name__}.{name}": machine  # type: ignore[attr-defined]
    for module in _modules(app.services)
    for name, machine in vars(module).items()
    if isinstance(machine, Machine) and module.__name__.startswith("app.services")  # type: ignore[attr-defined]
}
_modules(app.models)
EVENTS = [kind for kind in Event.__subclasses__() if kind.__module__.startswith("app.")]
EVENTS += [kind for parent in EVENTS for kind in parent.__subclasses__()]
KINDS = [kind for kind in EVENTS if not kind.__subclasses__()]

ORGANIZATION_ONLY = {
    "OrganizationCreated": "the organization is new: nobody listens to it yet",
    "OrganizationChanged": "for webhooks and audit, by the organization's feed",
    "OrganizationDeletionRequested": "for webhooks and audit; its owners are told by e-mail",
    "OrganizationDeletionCancelled": "for webhooks and audit; its owners are told by e-mail",
    "OwnerNoticeDue": "for the job that e-mails one owner",
    "OrganizationDeleted": "nobody is left to be told; for webhooks and audit, by the organization's feed",
    "SagaMoved": "for the job that takes the saga's next step",
    "MemberInvited": "for who may invite, by the organization's feed; the invited person is told by e-mail",
    "InvitationChanged": "for who may invite, by the organization's feed",
}
"""Events in no feed but their organization's, and why."""


def _initial(machine: Machine) -> StrEnum:
    """The state that a new row of the machine's type has: the default of its attribute."""
    states = {state for transition in machine.transitions.values() for state in transition.sources}
    kind = type(next(iter(states)))
    [row] = [row for row in _rows(StoredRow) if row.columns().get(machine.field) is kind]
    initial: StrEnum = getattr(row, machine.field)
    return initial


def _rows(base: type[StoredRow]) -> Iterator[type[StoredRow]]:
    """Everything that is stored: the rows below this one that name their collection themselves."""
    for kind in base.__subclasses__():
        if "collection" in vars(kind):
            yield kind
        else:
            yield from _rows(kind)


def test_the_machines_are_here() -> None:
    assert len(MACHINES) >= 2


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_can_be_reached(name: str) -> None:
    machine = MACHINES[name]
    reached = {_initial(machine)}
    while more := {t.target for t in machine.transitions.values() if t.sources & reached} - reached:
        reached |= more
    assert reached == set(type(next(iter(reached))))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_event_is_in_a_feed_or_has_a_reason(kind: type[Event]) -> None:
    data = {field.name: new_id() for field in fields(kind) if field.name not in ("actor", "id")}
    event = kind(Actor(organization_id=new_id(), user_id=new_id()), **data)
    assert bool(list(event.feeds())) is (kind.__name__ not in ORGANIZATION_ONLY)
    assert event.row()["s"]


def test_no_reason_is_left_over() -> None:
    assert set(ORGANIZATION_ONLY) <= {kind.__name__ for kind in KINDS}
