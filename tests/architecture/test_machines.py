"""State machines and events: nothing is declared that cannot happen or that nobody hears."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import fields
from enum import StrEnum
from typing import Any, get_origin

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
    "SigningKeysRotated": "for every process, which hears of everything; nobody else has to do with it",
    "OrganizationCreated": "the organization is new: nobody listens to it yet",
    "OrganizationChanged": "for webhooks and audit, by the organization's feed",
    "OrganizationDeletionRequested": "for webhooks and audit; its owners are told by e-mail",
    "OrganizationDeletionCancelled": "for webhooks and audit; its owners are told by e-mail",
    "OwnerNoticeDue": "for the job that e-mails one owner",
    "OrganizationDeleted": "nobody is left to be told; for webhooks and audit, by the organization's feed",
    "OrganizationTierChanged": "for the doors, and for webhooks and audit, by the organization's feed",
    "ApiKeyMade": "for who manages keys, by the organization's feed",
    "ApiKeyRotated": "for who manages keys, by the organization's feed",
    "ApiKeyChanged": "for who manages keys, by the organization's feed",
    "DataDisclosed": "for the audit trail",
    "AuditTrimmed": "for the audit trail",
    "SagaMoved": "for the job that takes the saga's next step",
    "OrganizationSuspended": "for the doors of every process, webhooks and audit; an organization may be large",
    "OrganizationReinstated": "for the doors of every process, webhooks and audit; an organization may be large",
    "NetworkRulesChanged": "for the doors of every process, webhooks and audit; an organization may be large",
    "PlanChanged": "for who sells, and for webhooks and audit, by the organization's feed",
    "RoleCreated": "nobody has the role yet",
    "RoleChanged": "for the doors of every process, and for webhooks and audit; a role may be of very many",
    "RoleRemoved": "for the doors of every process, and for webhooks and audit; a role may be of very many",
    "MemberInvited": "for who may invite, by the organization's feed; the invited person is told by e-mail",
    "NotificationDefaultsChanged": "for webhooks and audit, by the organization's feed",
    "NudgeDue": "for the job that tells somebody by one channel",
    "DigestDue": "for the job that tells somebody of several things at once",
    "InvitationChanged": "for who may invite, by the organization's feed",
    "PayRulesChanged": "for webhooks and audit, by the organization's feed",
    "MeterCreated": "for who sees the bills, by the organization's feed",
    "MeterArchived": "for who sees the bills, by the organization's feed",
    "OrganizationTaxProfileChanged": "for who sees the bills, by the organization's feed",
    "WebhookEndpointMade": "for who manages webhooks, by the organization's feed",
    "WebhookEndpointChanged": "for who manages webhooks, by the organization's feed",
    "WebhookEndpointRemoved": "for who manages webhooks, by the organization's feed",
    "WebhookSecretRotated": "for who manages webhooks, by the organization's feed",
    "WebhookReplayAsked": "for the job that does it",
    "WebhookTroubled": "for who manages webhooks: they are told by notifications and e-mails",
    "WebhookWoken": "for the job that sends",
    "WebhookAsleep": "for the job that wakes the endpoint",
    "PaymentMethodRemovalAsked": "for the job that has the provider forget it",
    "PayOutAsked": "for the job that sends it",
    "PayoutSettled": "for the jobs of whoever has asked for it",
    "PayoutFailed": "for the jobs of whoever has asked for it",
    "ProviderEventReceived": "for the job that looks at it",
    "DeliveryAsked": "for the job that sends it; what it says is news by itself",
    "UrgentDeliveryAsked": "for the job that sends it; what it says is news by itself",
    "BulkDeliveryAsked": "for the job that sends it; what it says is news by itself",
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
    given = [field for field in fields(kind) if field.name not in ("actor", "id")]
    data: dict[str, Any] = {field.name: [new_id()] if get_origin(field.type) is list else new_id() for field in given}
    event = kind(Actor(organization_id=new_id(), user_id=new_id()), **data)
    assert bool(list(event.feeds())) is (kind.__name__ not in ORGANIZATION_ONLY)
    assert event.row()["s"]


def test_no_reason_is_left_over() -> None:
    assert set(ORGANIZATION_ONLY) <= {kind.__name__ for kind in KINDS}
