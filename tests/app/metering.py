"""One call of every root field about meters, entitlements and taxes, and what a scene has of them."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bson import ObjectId

from app.core.clock import now
from tests.app.accounts import given, nothing, page
from tests.world import Person

if TYPE_CHECKING:
    from tests.app.scenes import Scene

Arguments = dict[str, Any]
KEPT = "kept"
"""The key of what is reserved."""
FEATURE = "calls"
PROFILE: Arguments = {
    "country": "DE",
    "region": "BE",
    "taxId": "DE136695976",
    "legalName": "New",
    "street": "Lindenstraße 1",
    "city": "Berlin",
    "postalCode": "10969",
}


def event(customer: str, **more: Any) -> Arguments:
    """Something that a customer has used."""
    known = {"transactionId": secrets.token_hex(8), "meter": FEATURE, "customerId": customer, "quantity": "1"}
    return {**known, "at": "2026-01-15T12:00:00Z", "properties": [{"name": "path", "value": "/"}], **more}


@dataclass(frozen=True)
class Metered:
    """Ids of a meter, of an event of it, and of what a customer may use of it."""

    meter: str
    usage_event: str
    entitlement: str
    exemption: str
    platform_exemption: str
    """Of the seller, who buys from the platform."""


async def metered(seller: Person, customer: str, text: str) -> Metered:
    """What a seller measures, with `text` in all that can be read; something is reserved."""
    new = {"key": FEATURE, "name": text, "unit": text, "aggregation": "SUM"}
    meter = (await seller.call("createMeter", input=new))["id"]
    one = event(customer, transactionId=text, properties=[{"name": "said", "value": text}])
    await seller.call("recordUsage", input={"events": [one]})
    may = {"customerId": customer, "feature": FEATURE, "kind": "METERED", "meterId": meter, "allowance": "100"}
    entitlement = (await seller.call("grantEntitlement", input=may))["id"]
    kept = {"customerId": customer, "feature": FEATURE, "key": KEPT, "quantity": "5", "seconds": 86_400}
    await seller.call("reserveUsage", input=kept)
    await seller.call("setOrganizationTaxProfile", input=PROFILE | {"legalName": text})
    exempt = {"country": "DE", "certificate": text, "reason": text}
    exemption = (await seller.call("grantTaxExemption", input=exempt | {"customerId": customer}))["id"]
    assert seller.world.staff
    granted = exempt | {"customerId": seller.organization}
    platform_exemption = (await seller.world.staff.call("grantPlatformTaxExemption", input=granted))["id"]
    await _stored_pdfs(seller)
    events = (await seller.call("usageEvents"))["nodes"]
    return Metered(meter, events[0]["id"], entitlement, exemption, platform_exemption)


async def _stored_pdfs(seller: Person) -> None:
    """That there are PDFs of an invoice and of a credit note of the seller's."""
    assert seller.world.store is not None
    row = {"organization_id": ObjectId(seller.organization.partition("_")[2]), "size": 5}
    made = {"number": "1", "language": "en", "digest": b"", "made_at": now()}
    await seller.world.store["invoice_pdfs"].insert_one(row | made | {"invoice_id": ObjectId()})
    await seller.world.store["credit_note_pdfs"].insert_one(row | made | {"credit_note_id": ObjectId()})


def exempted(customer: Callable[["Scene"], str]) -> Callable[["Scene"], Arguments]:
    """That a customer is exempt from tax."""
    return given(
        customerId=customer,
        country=lambda _: "IN",
        region=lambda _: "29",
        certificate=lambda _: "New",
        reason=lambda _: "New",
        startsAt=lambda _: "2026-01-31T00:00:00Z",
        endsAt=lambda _: "2999-01-31T00:00:00Z",
    )


CALLS: Mapping[str, Callable[["Scene"], Arguments]] = {
    "meters": page,
    "createMeter": given(
        key=lambda _: f"m{secrets.token_hex(6)}",
        name=lambda _: "New",
        unit=lambda _: "thing",
        aggregation=lambda _: "UNIQUE",
        property=lambda _: "who",
    ),
    "archiveMeter": given(meterId=lambda s: s.meter),
    "usageEvents": lambda s: {"first": 3, "customerId": s.guest, "meterId": s.meter},
    "customerUsage": lambda s: {
        "customerId": s.guest,
        "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "2026-02-01T00:00:00Z",
    },
    "organizationUsage": nothing,
    "recordUsage": given(events=lambda s: [event(s.guest)]),
    "entitlements": lambda s: {"first": 3, "customerId": s.guest},
    "myEntitlements": nothing,
    "grantEntitlement": given(
        customerId=lambda s: s.guest,
        feature=lambda _: "exports",
        kind=lambda _: "METERED",
        meterId=lambda s: s.meter,
        allowance=lambda _: "100",
        renewal=lambda _: "MONTHLY",
        overage=lambda _: True,
        startsAt=lambda _: "2026-01-31T00:00:00Z",
        endsAt=lambda _: "2999-01-31T00:00:00Z",
    ),
    "endEntitlement": given(entitlementId=lambda s: s.entitlement),
    "extendAllowance": given(entitlementId=lambda s: s.entitlement, quantity=lambda _: "5"),
    "reserveUsage": given(
        customerId=lambda s: s.guest,
        feature=lambda _: FEATURE,
        key=lambda _: secrets.token_hex(8),
        quantity=lambda _: "1",
        seconds=lambda _: 60,
    ),
    "settleUsage": given(
        customerId=lambda s: s.guest, feature=lambda _: FEATURE, key=lambda _: KEPT, quantity=lambda _: "3"
    ),
    "releaseUsage": given(customerId=lambda s: s.guest, feature=lambda _: FEATURE, key=lambda _: KEPT),
    "taxExemptions": lambda s: {"first": 3, "customerId": s.guest},
    "platformTaxExemptions": lambda s: {"first": 3, "customerId": s.organization},
    "grantTaxExemption": exempted(lambda s: s.guest),
    "grantPlatformTaxExemption": exempted(lambda s: s.organization),
    "endTaxExemption": given(exemptionId=lambda s: s.exemption),
    "endPlatformTaxExemption": given(exemptionId=lambda s: s.platform_exemption),
    "taxProfile": nothing,
    "organizationTaxProfile": nothing,
    "setTaxProfile": given(**{name: lambda _, value=value: value for name, value in PROFILE.items()}),
    "setOrganizationTaxProfile": given(**{name: lambda _, value=value: value for name, value in PROFILE.items()}),
}
"""The arguments with which the caller of a scene can ask each of them; mutations succeed."""
