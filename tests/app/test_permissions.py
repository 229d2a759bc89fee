"""ID-9: what each built-in role may do, field by field: that the table in docs/permissions.md is true."""

from collections.abc import AsyncIterator

import pytest

from app.cli.permissions import ON_BEHALF, admitted, callers
from app.models import DUTIES, KEY_PERMISSIONS
from tests import documents
from tests.app.scenes import CALLS, Scene, scene
from tests.world import Person, Processes, World, until

ADMITTED = admitted()
MATRIX = {name: may for root in ("Query", "Mutation", "Subscription") for name, may in ADMITTED[root].items()}
MATRIX["node"] = ADMITTED["node"]["Message"]  # of which its case is
STAFF = {name for name, may in MATRIX.items() if may["admin staff"] and not may["in no organization"]}
STAFF_ROLES = [f"{role.value} staff" for role in DUTIES]
REFUSALS = {"NOT_ON_BEHALF", "UNAUTHENTICATED", "NO_ORGANIZATION", "FORBIDDEN", "PERSON_NEEDED"}


def test_a_field_without_an_audience_is_not_in_the_table() -> None:
    """S4: it cannot be made then."""
    assert MATRIX.keys() == documents.KINDS.keys()


def test_the_table_is_made_of_what_the_fields_declare() -> None:
    every = {"nobody", "in no organization", "guest", "member", "admin", "owner", ON_BEHALF, "API key", *STAFF_ROLES}
    assert {name for name, may in MATRIX["languages"].items() if may} == every
    assert {name for name, may in MATRIX["inviteMember"].items() if may} == {"admin", "owner"}
    assert {name for name, may in MATRIX["queues"].items() if may} == {"support staff", "security staff", "admin staff"}


@pytest.fixture(scope="module")
async def stage(people: list[Person]) -> Scene:
    return await scene(people)


@pytest.mark.parametrize("name", callers())
async def test_a_caller_may_what_the_table_says(
    stage: Scene, people: list[Person], world: World, processes: Processes, name: str
) -> None:
    """S4. Mutations are rehearsed, so that each meets the same state."""
    caller = await _somebody(name, stage, people, world, processes)
    refused = {field: await _refusal(caller, field, stage) for field in documents.KINDS}
    assert {field for field, code in refused.items() if code is None} == {f for f, may in MATRIX.items() if may[name]}
    by_name = {
        ON_BEHALF: "NOT_ON_BEHALF",
        "in no organization": "NO_ORGANIZATION",
        **dict.fromkeys(STAFF_ROLES, "NO_ORGANIZATION"),
    }
    for field, code in refused.items():
        if code is not None:
            expected = "FORBIDDEN" if field in STAFF else by_name.get(name, "FORBIDDEN")
            for_people = name == "API key" and documents.audience(field) in ("signed_in", "member", "staff")
            expected = "PERSON_NEEDED" if for_people else expected
            assert code == ("UNAUTHENTICATED" if name == "nobody" else expected), field


async def test_who_has_signed_out_may_nothing(stage: Scene, people: list[Person], world: World) -> None:
    """S4: not even what is open to anyone, for whoever brings a token means to be somebody."""
    gone = Person(world, people[2].name, people[2].email, people[2].id)
    await gone.sign_in()
    await gone.call("signOut")

    async def is_heard() -> bool:
        return (await gone.post("{ me { id } }")).status_code == 401

    await until(is_heard)
    async for code in _codes(gone, stage):
        assert code == "UNAUTHENTICATED"


async def _codes(caller: Person, stage: Scene) -> AsyncIterator[str | None]:
    for field, kind in documents.KINDS.items():
        if kind != "subscription":
            yield await _refusal(caller, field, stage)


async def _somebody(name: str, stage: Scene, people: list[Person], world: World, processes: Processes) -> Person:
    if name == "nobody":
        return Person(world, "Nobody", "")
    if name == "in no organization":
        return people[0]
    if name in STAFF_ROLES:
        somebody = await world.person("Staff")
        processes.run("staff", "grant", somebody.email, "--role", name.removesuffix(" staff"))
        await until(lambda: _is_staff(somebody))
        return somebody
    if name == "owner":
        return stage.owner
    if name == ON_BEHALF:
        assert world.staff
        whom = {"userId": stage.owner.id, "organizationId": stage.organization, "reason": "To see."}
        token = (await world.staff.call("impersonate", input=whom))["accessToken"]
        return Person(world, "Behind", "", token=token)
    if name == "API key":
        given = {"name": "All", "scopes": sorted(KEY_PERMISSIONS)}
        return Person(world, "Key", "", token=(await stage.owner.call("createApiKey", input=given))["secret"])
    role = name.upper()
    given = {"userId": stage.guest, "role": role}
    assert (await stage.owner.call("changeMemberRole", input=given))["role"] == role
    guest = Person(world, people[2].name, people[2].email, people[2].id, people[2].token)
    await guest.enter(stage.organization)

    async def has_the_role() -> bool:
        return bool((await guest.call("myMembership"))["role"] == role)

    await until(has_the_role)
    return guest


async def _is_staff(person: Person) -> bool:
    return bool((await person.call("me"))["staff"])


async def _refusal(caller: Person, name: str, stage: Scene) -> str | None:
    """The code with which the field is refused to the caller as such, if it is."""
    kind = documents.KINDS[name]
    text, variables = documents.operation(
        name, CALLS[name](stage), directive="@dryRun" if kind == "mutation" else "", depth=1
    )
    if kind != "subscription":
        errors = (await caller.answer(text, **variables)).get("errors", [])
    else:
        async with caller.live() as socket:
            asked = await socket.subscribe(text, **variables)
            await socket.subscribe("{ me { id } }")  # whose answer takes longer than a refusal
            message = await socket.receive()
            payload = message["payload"] if message["id"] == asked else {}
            errors = payload if message["type"] == "error" else payload.get("errors", [])
    codes = [error["extensions"]["code"] for error in errors]
    return next((code for code in codes if code in REFUSALS), None)
