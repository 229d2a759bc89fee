"""S7, S8: whatever stands where an argument belongs, the answer is clear and nothing breaks."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLList, get_named_type, get_nullable_type
from strawberry.utils.str_converters import to_camel_case

from app.models import DOCUMENTS
from tests import documents
from tests.app import hostile
from tests.app.scenes import CALLS, Scene, scene
from tests.world import Person

TOGETHER = 20
"""Calls in one request: of an input, no more errors are told."""
SHARE = 12
"""Each place is given a twelfth of the strings, by turns: together they stand in hundreds of places."""
ATTRIBUTES = 20
"""How many of all attributes an input is given, by turns: together they have every one, many times."""
PARTS = 3
"""Of what is no string; each place is given one of them, by turns."""
SLOW = {"register", "signIn", "changePassword"}
"""What reaches a password's hash takes a quarter of a second: a few values must do."""
DECIDED_BY_THE_SERVER = {"id", "organizationId", "organizationIds", "role", "state", "permissions", "version"}
DECIDED_BY_THE_SERVER |= {"senderId", "createdById", "invitedById", "createdAt", "changedAt", "sentAt", "editedAt"}
DECIDED_BY_THE_SERVER |= {"deletedAt", "activeAt", "joinedAt", "endedAt", "usedAt", "generation", "passwordHash"}
DECIDED_BY_THE_SERVER |= {"directKey", "kind", "threadId", "readId", "notedId", "lastMessageId", "lastSeenAt", "staff"}
DEEP = 3
"""How far below an argument to look for scalars in inputs that contain their like."""
OURS = {"INTERNAL", "TIMEOUT", "UNAVAILABLE"}
"""Codes that say that the fault is the server's."""
CALLED = [name for name, kind in documents.KINDS.items() if kind != "subscription"]

Path = tuple[str | int, ...]


@pytest.fixture(scope="module")
async def stage(people: list[Person]) -> Scene:
    return await scene(people)


@pytest.mark.parametrize("name", CALLED)
async def test_no_string_breaks_anything(stage: Scene, name: str) -> None:
    turns = itertools.count(len(name))
    for path, kind in _leaves(name, stage):
        if kind not in ("String", "ID"):
            continue
        values = [*hostile.NOSQL, *hostile.STRINGS][next(turns) % SHARE :: SHARE]
        if name in SLOW and path[-1] != "email":
            values = values[:3]
        for some in _together(values):
            calls = [_with(CALLS[name](stage), path, value) for value in some]
            codes = await _codes(stage.caller(name), name, calls)
            assert not codes & OURS, (path, codes)


@pytest.mark.parametrize("name", CALLED)
async def test_what_is_no_string_is_refused(stage: Scene, name: str) -> None:
    turns = itertools.count(len(name))
    for path, kind in _leaves(name, stage):
        for value in hostile.OPERATORS[next(turns) % PARTS :: PARTS]:
            if kind in ("String", "ID") or not isinstance(value, list):
                answer = await _answer(stage.caller(name), name, [_with(CALLS[name](stage), path, value)])
                assert answer.get("data") is None, (path, value)
                assert _top(answer) == {"BAD_USER_INPUT"}, (path, value, answer)


@pytest.mark.parametrize("name", CALLED)
async def test_no_number_breaks_anything(stage: Scene, name: str) -> None:
    for path, kind in _leaves(name, stage):
        if kind == "Int":
            for value in hostile.NUMBERS:
                codes = _all(await _answer(stage.caller(name), name, [_with(CALLS[name](stage), path, value)]))
                assert not codes & OURS, (path, value, codes)


@pytest.mark.parametrize("moment", hostile.MOMENTS)
async def test_no_moment_breaks_anything(stage: Scene, moment: str) -> None:
    for operator, value in (("eq", moment), ("lt", moment), ("in", [moment]), ("gte", moment)):
        given = {"filter": {"createdAt": {operator: value}}}
        assert not await _codes(stage.owner, "conversations", [given]) & OURS


@pytest.mark.parametrize("name", [name for name in CALLED if documents.KINDS[name] == "mutation"])
async def test_nothing_can_be_assigned_besides(stage: Scene, name: str) -> None:
    """S7: what an input does not name is refused by the schema, be it an attribute of something stored or not."""
    columns = {column for document in DOCUMENTS for column in document.model_fields}
    names = sorted({to_camel_case(column) for column in columns} | columns | {"isAdmin", "permissions", "_id", "$set"})
    step, turns = len(names) // ATTRIBUTES, itertools.count(CALLED.index(name))
    for place, known in _objects(name, stage):
        some = {*names[next(turns) % step :: step], *DECIDED_BY_THE_SERVER}
        for extras in _together(sorted(some - known)):
            calls = [_with(CALLS[name](stage), (*place, extra), "x") for extra in extras]
            answer = await _answer(stage.caller(name), name, calls)
            assert answer.get("data") is None
            assert _top(answer) == {"BAD_USER_INPUT"}, answer
            told = " ".join(error["message"] for error in answer["errors"])
            assert [extra for extra in extras if f"'{extra}'" not in told] == []


def test_no_input_names_what_the_server_decides() -> None:
    """S7: the few that do are the very point of their mutations."""
    inputs = [kind for kind in documents.graph.type_map.values() if isinstance(kind, GraphQLInputObjectType)]
    writing = [kind for kind in inputs if not kind.name.endswith("Filter")]
    named = {(kind.name, field) for kind in writing for field in kind.fields if field in DECIDED_BY_THE_SERVER}
    assert named == {
        ("FinishOAuthInput", "state"),
        ("LinkIdentityInput", "state"),
        ("SwitchOrganizationInput", "organizationId"),
        ("SetSeatLimitInput", "organizationId"),
        ("ChangeOrganizationTierInput", "organizationId"),
        ("ImpersonateInput", "organizationId"),
        ("PublishLegalTextInput", "kind"),
        ("SuspendOrganizationInput", "organizationId"),
        ("ReinstateOrganizationInput", "organizationId"),
        ("ChangeMemberRoleInput", "role"),
        ("InviteMemberInput", "role"),
        ("ChannelChoiceInput", "kind"),
        ("GrantEntitlementInput", "kind"),
        ("CreateRoleInput", "permissions"),
        ("UpdateRoleInput", "permissions"),
        ("CreateWebhookEndpointInput", "permissions"),
        ("UpdateWebhookEndpointInput", "permissions"),
    }


def _together(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[start : start + TOGETHER] for start in range(0, len(values), TOGETHER))


async def _answer(person: Person, name: str, calls: list[dict[str, Any]]) -> dict[str, Any]:
    directive = "@dryRun" if documents.KINDS[name] == "mutation" else ""
    text, variables = documents.operation(name, *calls, directive=directive, depth=1)
    response = await person.post(text, variables)
    assert response.status_code < 500, response.text
    return dict(response.json())


async def _codes(person: Person, name: str, calls: list[dict[str, Any]]) -> set[str]:
    """The codes of all errors and refusals. An error of one call may hide those of others: then each is asked alone."""
    answer = await _answer(person, name, calls)
    if "errors" not in answer or len(calls) == 1:
        return _all(answer)
    return {code for call in calls for code in await _codes(person, name, [call])}


def _all(answer: dict[str, Any]) -> set[str]:
    told = (answer.get("data") or {}).values()
    return _top(answer) | {one["code"] for one in told if isinstance(one, dict) and "code" in one}


def _top(answer: dict[str, Any]) -> set[str]:
    return {error["extensions"]["code"] for error in answer.get("errors", [])}


def _with(given: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    step, *rest = path
    if isinstance(given, list):
        return [_with(one, tuple(rest), value) if n == step else one for n, one in enumerate(given)]
    given = given or {}
    return {**given, step: _with(given.get(step), tuple(rest), value)}


def _leaves(name: str, stage: Scene) -> Iterator[tuple[Path, str]]:
    """Where scalars stand in the arguments of a call, given or not, and their types."""
    for argument, declared in documents.field(name).args.items():
        yield from _below((argument,), declared.type, CALLS[name](stage).get(argument))


def _below(path: Path, type: Any, given: Any) -> Iterator[tuple[Path, str]]:
    kind = get_named_type(type)
    if isinstance(given, list):
        for n, one in enumerate(given[:1]):
            yield from _below((*path, n), kind, one)
    elif not isinstance(kind, GraphQLInputObjectType):
        yield path, kind.name
    elif len(path) < DEEP:
        given = given or {}
        for name, field in kind.fields.items():
            if name in given or not isinstance(get_nullable_type(field.type), GraphQLList):
                yield from _below((*path, name), field.type, given.get(name))


def _objects(name: str, stage: Scene) -> Iterator[tuple[Path, set[str]]]:
    """Where inputs stand in the arguments of a call, and the names that each of them knows."""

    def below(path: Path, type: Any, given: Any) -> Iterator[tuple[Path, set[str]]]:
        kind = get_named_type(type)
        if isinstance(given, list):
            yield from below((*path, 0), kind, given[0])
        elif isinstance(given, dict) and isinstance(kind, GraphQLInputObjectType):
            yield path, set(kind.fields)
            for inner, one in given.items():
                yield from below((*path, inner), kind.fields[inner].type, one)

    for argument, given in CALLS[name](stage).items():
        yield from below((argument,), documents.field(name).args[argument].type, given)
