"""BIL-11, BIL-12: measuring, allowances and tax profiles, as programs and people meet them."""

import asyncio
from datetime import timedelta
from typing import Any

from app.core.clock import now
from tests.app.metering import FEATURE, PROFILE, event, metered
from tests.world import Person, until


async def test_an_api_key_records_what_customers_have_used(company: list[Person]) -> None:
    owner, ada, grace = company
    await metered(owner, ada.id, "Calls")
    made = await owner.call("createApiKey", input={"name": "Meter", "scopes": ["usage.record"]})
    key = Person(owner.world, "Key", "", token=made["secret"])
    batch = [event(grace.id, quantity="40"), event(grace.id, quantity="2")]
    receipt = await key.call("recordUsage", input={"events": [*batch, batch[0]]})
    assert [one["outcome"] for one in receipt["events"]] == ["COUNTED", "COUNTED", "DUPLICATE"]
    other = [batch[1] | {"quantity": "3"}]
    assert (await key.call("recordUsage", input={"events": other}))["code"] == "TRANSACTION_REUSED"
    asked: dict[str, Any] = {
        "customerId": grace.id,
        "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "2026-02-01T00:00:00Z",
    }
    (shown,) = await owner.call("customerUsage", **asked)
    assert (shown["total"], shown["meter"]["key"]) == ("42", FEATURE)
    listed = await owner.call("usageEvents", customerId=grace.id)
    assert [one["quantity"] for one in listed["nodes"]] == ["2", "40"]
    assert {one["customerId"] for one in listed["nodes"]} == {grace.id}
    assert await key.refused("meters") == "FORBIDDEN"
    too_many = await key.call("recordUsage", input={"events": [event(grace.id) for _ in range(101)]})
    assert (too_many["code"], too_many["path"]) == ("INVALID", ["input", "events"])


async def test_who_has_used_up_an_allowance_is_told_and_gets_no_more(company: list[Person]) -> None:
    owner, ada, _ = company
    await metered(owner, ada.id, "Calls")

    async def reserve(key: str, quantity: str) -> Any:
        given = {"customerId": ada.id, "feature": FEATURE, "key": key, "quantity": quantity}
        return await owner.call("reserveUsage", input=given)

    assert (await reserve("much", "85"))["remaining"] == "10"
    answers = await asyncio.gather(*(reserve(f"{n}", "1") for n in range(20)))
    assert [one["__typename"] for one in answers].count("UsageReservation") == 10
    assert {one["code"] for one in answers if one["__typename"] == "LimitReachedError"} == {"QUOTA_REACHED"}
    settled = {"customerId": ada.id, "feature": FEATURE, "key": "much", "quantity": "85"}
    assert (await owner.call("settleUsage", input=settled))["outcome"] == "COUNTED"
    (mine,) = await ada.call("myEntitlements")
    assert (mine["used"], mine["allowance"], mine["remaining"]) == ("100", "100", "0")
    text = await until(lambda: told(ada))
    assert text.startswith("80 % of the allowance of calls at ")


async def told(person: Person) -> str | None:
    nodes = (await person.call("notifications"))["nodes"]
    return next((one["text"] for one in nodes if one["kind"] == "USAGE"), None)


async def test_an_organization_sees_what_it_uses(company: list[Person]) -> None:
    owner = company[0]
    shown = {one["key"]: one for one in await owner.call("organizationUsage")}
    assert set(shown) == {"api_calls", "storage", "seats"}
    assert (shown["seats"]["used"], shown["seats"]["limit"]) == ("3", "10000")
    assert shown["storage"]["used"] == "0"


async def test_a_tax_id_is_checked(company: list[Person]) -> None:
    owner, ada, _ = company
    assert await ada.call("taxProfile") is None
    made = await ada.call("setTaxProfile", input=PROFILE | {"taxId": "de 136 695 976"})
    assert (made["taxId"], made["country"]) == ("DE136695976", "DE")
    assert (await ada.call("taxProfile"))["legalName"] == "New"
    for given, code in (
        ({"taxId": "DE136695977"}, "TAX_ID_INVALID"),
        ({"country": "US"}, "TAX_ID_UNCHECKED"),
        ({"country": "IN", "region": "99", "taxId": None}, "STATE_UNKNOWN"),
        ({"country": "XX"}, "INVALID"),
        ({"country": "de"}, "INVALID"),
    ):
        refused = await ada.call("setTaxProfile", input=PROFILE | given)
        assert refused["code"] == code, given
    assert (await ada.call("taxProfile"))["taxId"] == "DE136695976", "nothing has changed"
    indian = {"country": "IN", "region": None, "taxId": "27AAPFU0939F1ZV"}
    assert (await owner.call("setOrganizationTaxProfile", input=PROFILE | indian))["region"] == "27"
    assert await ada.refused("organizationTaxProfile") == "FORBIDDEN"


async def test_who_shows_a_certificate_is_charged_no_tax_by_its_seller(company: list[Person]) -> None:
    owner, ada, grace = company
    staff = owner.world.staff
    assert staff
    given = {"customerId": ada.id, "country": "DE", "certificate": "E-17", "reason": "A school."}
    made = await owner.call("grantTaxExemption", input=given)
    assert (made["customerId"], made["certificate"], made["endsAt"]) == (ada.id, "E-17", None)
    assert [one["id"] for one in (await owner.call("taxExemptions", customerId=ada.id))["nodes"]] == [made["id"]]
    assert (await owner.call("taxExemptions", customerId=grace.id))["nodes"] == []
    for wrong, code in (
        ({"country": "IN", "region": "99"}, "STATE_UNKNOWN"),
        ({"country": "XX"}, "INVALID"),
        ({"endsAt": "2020-01-01T00:00:00Z"}, "INVALID"),
        ({"customerId": owner.organization}, "NOT_FOUND"),
    ):
        assert (await owner.call("grantTaxExemption", input=given | wrong))["code"] == code, wrong
    assert await ada.refused("grantTaxExemption", input=given) == "FORBIDDEN"
    assert await ada.refused("taxExemptions") == "FORBIDDEN"
    assert await owner.refused("grantPlatformTaxExemption", input=given) == "FORBIDDEN"
    ended = await owner.call("endTaxExemption", input={"exemptionId": made["id"]})
    assert ended["endsAt"]

    async def audited() -> list[dict[str, Any]] | None:
        found = (await owner.call("auditEntries", depth=2, about=ada.id))["nodes"]
        of = [one for one in found if one["action"].startswith("tax_exemption.")]
        return of if len(of) == 2 else None

    over, granted = await until(audited)
    assert (over["action"], granted["action"]) == ("tax_exemption.ended", "tax_exemption.granted")
    assert [(one["field"], one["before"]) for one in over["changes"]] == [("ends_at", None)]
    of_platform = given | {"customerId": owner.organization}
    made = await staff.call("grantPlatformTaxExemption", input=of_platform)
    found = (await staff.call("platformTaxExemptions", customerId=owner.organization))["nodes"]
    assert [one["id"] for one in found] == [made["id"]]
    assert (await owner.call("endTaxExemption", input={"exemptionId": made["id"]}))["code"] == "NOT_FOUND"
    assert (await staff.call("endPlatformTaxExemption", input={"exemptionId": made["id"]}))["endsAt"]


async def test_what_has_not_happened_is_not_counted(company: list[Person]) -> None:
    owner, ada, _ = company
    await metered(owner, ada.id, "Calls")
    ahead = f"{now() + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    refused = await owner.call("recordUsage", input={"events": [event(ada.id, at=ahead)]})
    assert (refused["code"], refused["path"]) == ("FROM_THE_FUTURE", ["input", "events", "0", "at"])


async def test_a_plan_allows_so_much_and_its_seller_adds_what_is_bought(company: list[Person]) -> None:
    owner, ada, _ = company
    new = {"key": "calls", "name": "Calls", "unit": "call", "aggregation": "SUM"}
    meter = (await owner.call("createMeter", input=new))["id"]
    allowed = {"feature": "calls", "meterId": meter, "amount": "3", "bySeat": True, "overage": False}
    plan = await owner.call("createPlan", depth=2, input={"key": "calls", "name": "Calls", "allowances": [allowed]})
    assert plan["allowances"] == [{"__typename": "PlanAllowance", **allowed}]
    price = {"planId": plan["id"], "currency": "EUR", "interval": "MONTH", "rate": {"model": "FLAT", "amount": "0"}}
    bought = {"priceId": (await owner.call("setPlanPrice", input=price))["id"], "seats": 2}
    await ada.ask("mutation ($input: SubscribeInput!) { subscribe(input: $input) { __typename } }", input=bought)
    [mine] = await ada.call("myEntitlements")
    assert (mine["feature"], mine["used"], mine["allowance"], mine["remaining"]) == ("calls", "0", "6", "6")
    wanted = {"customerId": ada.id, "feature": "calls"}
    answers = [await owner.call("reserveUsage", input=wanted | {"key": f"{n}"}) for n in range(8)]
    assert [one.get("code") for one in answers] == [None] * 6 + ["QUOTA_REACHED"] * 2
    [row] = (await owner.call("entitlements", customerId=ada.id))["nodes"]
    extended = await owner.call("extendAllowance", input={"entitlementId": row["id"], "quantity": "1"})
    assert (extended["allowance"], extended["extra"]) == ("6", "1")
    assert await ada.refused("extendAllowance", input={"entitlementId": row["id"], "quantity": "1"}) == "FORBIDDEN"
    assert "code" not in await owner.call("reserveUsage", input=wanted | {"key": "7"})
    assert (await ada.call("myEntitlements"))[0]["remaining"] == "0"
