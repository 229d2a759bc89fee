"""BIL-4 to BIL-8: plans, subscriptions and invoices as sellers and customers see them."""

from typing import Any

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from tests.world import Person, Processes, World, organization, until

PRICE: dict[str, Any] = {"currency": "EUR", "interval": "MONTH", "rate": {"model": "PER_UNIT", "amount": "3000"}}
UPCOMING = "at lines { kind amount } tax { place } taxes { name rate amount } total { amount }"
OUTCOME = f"""subscription {{ id state seats cancels pausedAt }}
  invoice {{ number state verified lines {{ kind amount }} tax {{ place }} taxes {{ name rate amount }}
    total {{ amount formatted }} outstanding {{ amount }} }}
  upcoming {{ {UPCOMING} }}"""


async def plan(seller: Person, key: str, amount: int = 3_000, **more: Any) -> tuple[str, str]:
    """The ids of a new plan and its price."""
    made = await seller.call("createPlan", input={"key": key, "name": key.title(), **more})
    given = PRICE | {"planId": made["id"], "rate": {"model": "PER_UNIT", "amount": str(amount)}}
    return made["id"], (await seller.call("setPlanPrice", input=given))["id"]


async def did(person: Person, mutation: str, *, dry: bool = False, **given: Any) -> dict[str, Any]:
    """What a mutation answers, rehearsed or not."""
    kind = mutation[0].upper() + mutation[1:]
    text = f"""mutation ($input: {kind}Input!) {{ done: {mutation}(input: $input) {"@dryRun" if dry else ""} {{
      ... on SubscriptionOutcome {{ {OUTCOME} }} ... on UserError {{ code }} }} }}"""
    answer: dict[str, Any] = (await person.ask(text, input=given))["done"]
    return answer


def amounts(invoice: dict[str, Any]) -> list[tuple[str, int]]:
    return [(line["kind"], int(line["amount"])) for line in invoice["lines"]]


async def test_a_subscription_from_the_plan_to_the_credit_note(company: list[Person]) -> None:
    owner, ada, grace = company
    _, price = await plan(owner, "basic")
    rehearsed = await did(ada, "subscribe", dry=True, priceId=price)
    made = await did(ada, "subscribe", priceId=price)
    assert amounts(rehearsed["invoice"]) == amounts(made["invoice"]) == [("FEE", 3_000)]
    assert rehearsed["invoice"]["number"] == made["invoice"]["number"] == "INV-000001"
    assert made["subscription"]["state"] == "INCOMPLETE"
    assert made["invoice"]["verified"]
    assert made["invoice"]["total"] == {"amount": "3000", "formatted": "€30.00"}
    office = owner.world.office
    assert office

    async def invoiced() -> list[str]:
        return [one["Subject"] for one in office.to(ada.email) if "INV-" in one["Subject"]]

    assert await until(invoiced) == ["Invoice INV-000001 over €30.00"]
    again = await did(ada, "subscribe", priceId=price)
    assert again["code"] == "ALREADY_SUBSCRIBED"
    id = made["subscription"]["id"]
    assert (await did(grace, "cancelSubscription", subscriptionId=id))["code"] == "NOT_FOUND"
    invoice = (await ada.call("myInvoices"))["nodes"][0]
    assert (await ada.call("voidInvoice", input={"invoiceId": invoice["id"]}))["code"] == "FORBIDDEN"
    for amount, code in ((3_001, "MORE_THAN_INVOICED"), (-1, "INVALID"), (0, "INVALID"), (2**63, "MORE_THAN_INVOICED")):
        given = {"invoiceId": invoice["id"], "reason": "A mistake.", "amount": str(amount)}
        assert (await owner.call("createCreditNote", input=given))["code"] == code
    note = await owner.call("createCreditNote", input={"invoiceId": invoice["id"], "reason": "A present."})
    assert (note["number"], note["amount"]["amount"]) == ("CN-000001", "3000")
    assert (await ada.call("myInvoices"))["nodes"][0]["state"] == "PAID"
    assert (await ada.call("mySubscriptions"))["nodes"][0]["state"] == "ACTIVE"


async def test_india_s_taxes_are_shown_one_by_one(world: World) -> None:
    owner, ada = await world.person("Gyan"), await world.person("Ada")
    await organization(owner, ada)
    seller = {"country": "IN", "legalName": "Gyan", "taxId": "04AAPFU0939F1Z3"}
    assert (await owner.call("setOrganizationTaxProfile", input=seller))["region"] == "04"
    _, price = await plan(owner, "basic", 12_345, trialDays=7)
    rehearsed = await did(ada, "subscribe", dry=True, priceId=price)
    made = await did(ada, "subscribe", priceId=price)
    halves = [{"name": name, "rate": 900, "amount": "1111"} for name in ("CGST", "UTGST")]
    for one in (rehearsed["upcoming"], made["upcoming"]):
        assert (one["taxes"], one["tax"], one["total"]) == (halves, {"place": "04"}, {"amount": "14567"})
    _, other = await plan(owner, "other", 12_345)
    await ada.call("setTaxProfile", input={"country": "IN", "legalName": "Ada", "region": "29"})
    bought = (await did(ada, "subscribe", priceId=other))["invoice"]
    assert bought["taxes"] == [{"name": "IGST", "rate": 1800, "amount": "2222"}]
    assert (bought["tax"], bought["verified"]) == ({"place": "29"}, True)
    invoice = (await ada.call("myInvoices"))["nodes"][0]["id"]
    taken = """mutation ($input: CreateCreditNoteInput!) { createCreditNote(input: $input) { ... on CreditNote {
      verified taxes { name rate amount } } } }"""
    given = {"invoiceId": invoice, "reason": "A mistake.", "amount": "10000"}
    note = (await owner.ask(taken, input=given))["createCreditNote"]
    assert note == {"verified": True, "taxes": [{"name": "IGST", "rate": 1800, "amount": "1525"}]}


async def test_a_change_shows_what_it_will_cost_and_costs_that(company: list[Person]) -> None:
    owner, ada, _ = company
    (_, small), (_, large) = await plan(owner, "small"), await plan(owner, "large", 9_000)
    await owner.call(
        "grantCredit", input={"userId": ada.id, "amount": {"amount": "50000", "currency": "EUR"}, "note": "Hello"}
    )
    made = await did(ada, "subscribe", priceId=small, seats=2)
    id = made["subscription"]["id"]
    assert amounts(made["invoice"]) == [("FEE", 6_000), ("CREDIT", -6_000)]
    assert made["subscription"]["state"] == "ACTIVE"
    later = await did(ada, "changeSubscription", dry=True, subscriptionId=id, priceId=large, when="PERIOD_END")
    assert later["invoice"] is None
    assert amounts(later["upcoming"]) == [("FEE", 18_000), ("CREDIT", -18_000)]
    shown = await did(ada, "changeSubscription", dry=True, subscriptionId=id, priceId=large)
    done = await did(ada, "changeSubscription", subscriptionId=id, priceId=large)
    kinds = [kind for kind, _ in amounts(done["invoice"])]
    assert kinds == [kind for kind, _ in amounts(shown["invoice"])] == ["PRORATION", "PRORATION", "CREDIT"]
    assert done["upcoming"]["lines"] == [
        {"kind": "FEE", "amount": "18000"}, {"kind": "CREDIT", "amount": "-18000"},
    ]  # fmt: skip
    text = f"query($id: ID!) {{ upcomingInvoice(subscriptionId: $id) {{ {UPCOMING} }} }}"
    assert (await ada.ask(text, id=id))["upcomingInvoice"] == done["upcoming"]
    paused = await did(owner, "pauseSubscription", subscriptionId=id)
    assert paused["subscription"]["state"] == "PAUSED"
    assert (await did(ada, "changeSubscription", subscriptionId=id, seats=9))["code"] == "ILLEGAL_TRANSITION"
    assert (await did(ada, "resumeSubscription", subscriptionId=id))["subscription"]["state"] == "ACTIVE"
    assert (await did(ada, "cancelSubscription", subscriptionId=id))["subscription"]["cancels"]
    assert not (await did(ada, "keepSubscription", subscriptionId=id))["subscription"]["cancels"]
    ended = await did(ada, "cancelSubscription", subscriptionId=id, when="NOW")
    assert ended["subscription"]["state"] == "CANCELLED"


async def test_what_is_used_is_billed_and_seen_at_once(company: list[Person]) -> None:
    owner, ada, _ = company
    known = {"key": "calls", "name": "Calls", "unit": "call", "aggregation": "SUM"}
    meter = (await owner.call("createMeter", input=known))["id"]
    made = await owner.call("createPlan", input={"key": "metered", "name": "Metered"})
    rate = {"model": "PACKAGE", "amount": "250", "packageSize": "1000"}
    component = {"meterId": meter, "name": "Calls", "included": "1000", "rate": rate}
    price = await owner.call("setPlanPrice", input=PRICE | {"planId": made["id"], "components": [component]})
    id = (await did(ada, "subscribe", priceId=price["id"]))["subscription"]["id"]
    invoice = (await ada.call("myInvoices"))["nodes"][0]["id"]
    await owner.call("createCreditNote", input={"invoiceId": invoice, "reason": "A present."})
    text = (
        """subscription($id: ID!) { upcomingInvoiceChanged(subscriptionId: $id) { lines { kind quantity amount } } }"""
    )
    async with ada.live() as socket:
        await socket.subscribe(text, id=id)
        first = (await socket.next())["upcomingInvoiceChanged"]["lines"]
        event = {"transactionId": "1", "meter": "calls", "customerId": ada.id, "quantity": "2001"}
        await owner.call("recordUsage", input={"events": [event]})
        second = (await socket.next())["upcomingInvoiceChanged"]["lines"]
    assert [(one["kind"], one["quantity"], one["amount"]) for one in first][:2] == [
        ("FEE", "1", "3000"), ("OVERAGE", "0", "0"),
    ]  # fmt: skip
    assert (second[1]["quantity"], second[1]["amount"]) == ("1001", "500")


async def test_prices_are_superseded_and_plans_archived(company: list[Person]) -> None:
    owner, ada, grace = company
    id, old = await plan(owner, "pro")
    await did(ada, "subscribe", priceId=old)
    new = await owner.call("setPlanPrice", input=PRICE | {"planId": id})
    assert new["version"] == 2
    assert (await did(grace, "subscribe", priceId=old))["code"] == "NOT_FOR_SALE"
    text = "{ mySubscriptions { nodes { price { id version supersededAt } plan { prices { id } } } } }"
    seen, *_ = (await ada.ask(text))["mySubscriptions"]["nodes"]
    assert seen["price"]["id"] == old
    assert seen["plan"]["prices"] == [{"id": new["id"]}]
    assert (await ada.refused("archivePlan", input={"planId": id})) == "FORBIDDEN"
    await owner.call("archivePlan", input={"planId": id})
    assert (await did(grace, "subscribe", priceId=new["id"]))["code"] == "NOT_FOR_SALE"
    assert (await ada.call("plans"))["nodes"] == []
    assert [one["id"] for one in (await owner.call("plans"))["nodes"]] == [id]


async def test_an_organization_has_the_tier_that_it_has_subscribed_to(company: list[Person]) -> None:
    owner, *_ = company
    staff = owner.world.staff
    assert staff
    key = f"scale-{owner.organization[-12:]}"
    made = await staff.call("createPlatformPlan", input={"key": key, "name": "Scale", "tier": "SCALE", "trialDays": 7})
    price = await staff.call("setPlatformPlanPrice", input=PRICE | {"planId": made["id"]})
    begun = await did(owner, "subscribe", priceId=price["id"])
    assert begun["subscription"]["state"] == "TRIALING"
    assert amounts(begun["upcoming"]) == [("FEE", 3_000)]

    async def tier() -> str:
        return str((await owner.call("organization"))["tier"])

    assert await tier() == "SCALE"
    await did(owner, "cancelSubscription", subscriptionId=begun["subscription"]["id"], when="NOW")
    assert await tier() == "FREE"


async def test_customers_see_their_subscription_become_active(company: list[Person]) -> None:
    owner, ada, grace = company
    _, price = await plan(owner, "live")
    made = await did(ada, "subscribe", priceId=price)
    id = made["subscription"]["id"]
    text = "query($id: ID!) { node(id: $id) { ... on PlanSubscription { feedCursor } } }"
    cursor = (await ada.ask(text, id=id))["node"]["feedCursor"]
    async with ada.live() as socket:
        await socket.follow("subscriptionEvents", id=id, after=cursor)
        invoice = (await ada.call("myInvoices"))["nodes"][0]["id"]
        await owner.call("createCreditNote", input={"invoiceId": invoice, "reason": "A present."})
        assert (await socket.event("InvoicePaid"))["invoice"]["state"] == "PAID"
        assert (await socket.event("SubscriptionChanged"))["subscription"]["state"] == "ACTIVE"
    async with grace.live() as socket:
        await socket.follow("subscriptionEvents", id=id)
        assert await socket.refusal() == "NOT_FOUND"


async def test_money_that_is_noted_makes_a_subscription_active(company: list[Person]) -> None:
    owner, ada, _ = company
    _, price = await plan(owner, "cash")
    await did(ada, "subscribe", priceId=price, collection="MANUAL")
    invoice = (await ada.call("myInvoices"))["nodes"][0]["id"]
    given = {"invoiceId": invoice, "key": "1", "provider": "CASH", "amount": "3100"}
    assert (await ada.call("recordInvoicePayment", input=given))["code"] == "FORBIDDEN"
    for _ in range(2):
        await owner.call("recordInvoicePayment", input=given)

    async def active() -> bool:
        return bool((await ada.call("mySubscriptions"))["nodes"][0]["state"] == "ACTIVE")

    assert await until(active)
    assert (await ada.call("myInvoices"))["nodes"][0]["state"] == "PAID"
    beyond = (await owner.call("credits"))["nodes"]
    assert [(one["kind"], one["left"]["amount"]) for one in beyond] == [("BALANCE", "100")]
    pages = {"successUrl": f"{ada.world.url}/paid", "cancelUrl": f"{ada.world.url}/invoices"}
    assert (await ada.call("payInvoice", input={"invoiceId": invoice, **pages}))["code"] == "NOTHING_DUE"


async def test_an_invoice_that_was_altered_is_named(
    company: list[Person], processes: Processes, store: AsyncDatabase[dict[str, Any]]
) -> None:
    owner, ada, _ = company
    _, price = await plan(owner, "altered")
    number = (await did(ada, "subscribe", priceId=price))["invoice"]["number"]
    organization = owner.organization
    assert "Books that add up: 1 of 1." in processes.run("ledger", "verify", "--organization", organization)
    which = {"organization_id": ObjectId(organization.partition("_")[2]), "number": number}
    await store["invoices"].update_one(which, {"$inc": {"total": 1}})
    told = " ".join(processes.run("ledger", "verify", "--organization", organization, status=1).split())
    assert f"{number}: it cannot be worked out again" in told
    await store["invoices"].update_one(which, {"$set": {"number": "INV-999999"}, "$inc": {"total": -1}})
    told = " ".join(processes.run("ledger", "verify", "--organization", organization, status=1).split())
    assert f"{number}: this number is missing" in told
    await store["invoices"].update_one({**which, "number": "INV-999999"}, {"$set": {"number": number}})
