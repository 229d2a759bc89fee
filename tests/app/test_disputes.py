"""What staff sees of disputes and differences in every organization, and an organization of its own."""

from typing import Any

import pytest

from tests.app import payments
from tests.world import Person, World

DISPUTES = """query ($first: Int, $after: String, $state: DisputeState, $of: ID) {
  found: allDisputes(first: $first, after: $after, state: $state, organizationId: $of) {
    pageInfo { hasNextPage endCursor }
    nodes { id state reason amount { formatted } organization { id name }
      payment { reference amount { amount } } } } }"""
DIFFERENCES = """query ($state: PaymentDifferenceState, $of: ID) {
  found: paymentDifferences(first: 100, state: $state, organizationId: $of) {
    nodes { id kind state subject detail note times organization { name } payment { reference }
      availableTransitions { name } } } }"""


@pytest.fixture
async def two(world: World, company: list[Person]) -> list[tuple[Person, dict[str, str]]]:
    """Two organizations, with a dispute and a difference each."""
    owner, _, _ = company
    other = await world.person("Edith")
    made = await other.call("createOrganization", input={"name": "Other"})
    other.organization = made["id"]
    await other.call("switchOrganization", input={"organizationId": made["id"]})
    await other.sign_in()
    return [(one, await payments.stored(one, f"Order of {one.name}")) for one in (owner, other)]


async def ask(person: Person, text: str, **given: Any) -> Any:
    return (await person.ask(text, **given))["found"]


async def test_staff_sees_the_disputes_of_every_organization(
    world: World, two: list[tuple[Person, dict[str, str]]]
) -> None:
    staff = world.staff
    assert staff
    ids = [bills["dispute"] for _, bills in two]
    first = await ask(staff, DISPUTES, first=1)
    rest = await ask(staff, DISPUTES, first=100, after=first["pageInfo"]["endCursor"])
    nodes = [*first["nodes"], *rest["nodes"]]
    assert first["pageInfo"]["hasNextPage"]
    assert [one["id"] for one in nodes if one["id"] in ids] == [*reversed(ids)], "the newest first"
    for owner, bills in two:
        [one] = (await ask(staff, DISPUTES, first=10, state="OPEN", of=owner.organization))["nodes"]
        assert (one["id"], one["state"], one["amount"]["formatted"]) == (bills["dispute"], "OPEN", "€0.01")
        assert one["organization"]["id"] == owner.organization
        assert one["payment"] == {"reference": f"Order of {owner.name}", "amount": {"amount": "1"}}
    assert (await ask(staff, DISPUTES, first=10, state="LOST", of=two[0][0].organization))["nodes"] == []


async def test_an_organization_sees_its_own_and_nobody_all(
    world: World, company: list[Person], two: list[tuple[Person, dict[str, str]]]
) -> None:
    for owner, bills in two:
        text = "{ found: disputes { nodes { id organization { id } payment { reference } } } }"
        [one] = (await ask(owner, text))["nodes"]
        assert (one["id"], one["organization"]["id"]) == (bills["dispute"], owner.organization)
        assert one["payment"]["reference"] == f"Order of {owner.name}"
        for query in (DISPUTES, DIFFERENCES):
            [error] = (await owner.answer(query))["errors"]
            assert error["extensions"]["code"] == "FORBIDDEN"
        other = next(found for person, found in two if person is not owner)
        for id in (other["dispute"], bills["difference"]):
            answer = await owner.answer("query ($id: ID!) { node(id: $id) { id } }", id=id)
            assert answer.get("data", {}) in ({}, None, {"node": None})


async def test_staff_sees_to_a_difference(world: World, two: list[tuple[Person, dict[str, str]]]) -> None:
    staff = world.staff
    assert staff
    (owner, bills), _ = two
    [one] = (await ask(staff, DIFFERENCES, state="OPEN", of=owner.organization))["nodes"]
    assert (one["id"], one["kind"], one["detail"]) == (bills["difference"], "OTHER_AMOUNT", f"Order of {owner.name}")
    assert one["payment"] == {"reference": f"Order of {owner.name}"}
    assert one["availableTransitions"] == [{"name": "see_to"}, {"name": "heal"}]
    given = {"differenceId": one["id"], "note": "The bank has kept a fee."}
    assert (await staff.call("seeToPaymentDifference", input=given))["state"] == "SEEN_TO"
    assert (await staff.call("seeToPaymentDifference", input=given))["code"] == "ILLEGAL_TRANSITION"
    [seen] = (await ask(staff, DIFFERENCES, of=owner.organization))["nodes"]
    assert (seen["state"], seen["note"], seen["availableTransitions"]) == ("SEEN_TO", given["note"], [])
