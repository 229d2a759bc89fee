"""PLT-4, S3: who asks too fast is refused at every door, told the truth about it, and let in again."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.dev.embedded import EmbeddedValkey
from tests.app.test_keys import made
from tests.world import Live, Person, Processes, World, free_port, ready, until

LIMIT, ANONYMOUS = 60, 40
RATE = re.compile(r'"(?P<kind>[a-z]+)";r=(?P<left>\d+);t=(?P<full>\d+)')
ASKING = {"Atrium-Cost": "1"}
MEMBERS = "{ members { nodes { id } } }"


@pytest.fixture(scope="module")
async def doors(world: World, processes: Processes) -> AsyncIterator[list[World]]:
    """Two more API processes of this Atrium, which let people ask 60 points an hour, and strangers 40."""
    small = {"RATE_STANDARD": str(LIMIT), "RATE_FREE": "20", "RATE_SCALE": "600", "RATE_ANONYMOUS": str(ANONYMOUS)}
    slow = _other(processes, **small)
    ports = [free_port(), free_port()]
    children = [slow.start(f"slow-{port}", "serve", "--port", str(port)) for port in ports]
    _logs[:] = [child.log_file for child in children]
    async with httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=100)) as http:
        worlds = [World(f"http://127.0.0.1:{port}", http) for port in ports]
        for one in worlds:
            await ready(one.url)
        yield worlds
    for child in children:
        child.stop()


@pytest.fixture
async def ada(company: list[Person], doors: list[World]) -> list[Person]:
    """Somebody of a new organization, at either process."""
    return [replace(company[1], world=door) for door in doors]


async def statuses(people: list[Person], requests: int, query: str = MEMBERS) -> list[int]:
    answers = await asyncio.gather(*(people[n % len(people)].post(query) for n in range(requests)))
    return [answer.status_code for answer in answers]


def told(response: httpx.Response) -> tuple[str, int]:
    """The bucket that a response speaks of, and what is left in it."""
    found = RATE.fullmatch(response.headers["ratelimit"])
    assert found, response.headers
    return found["kind"], int(found["left"])


async def test_fifty_clients_at_two_processes_pass_no_more_than_the_limit(ada: list[Person]) -> None:
    async def client(number: int) -> list[int]:
        return [(await ada[number % 2].post(MEMBERS)).status_code for _ in range(4)]

    answers = [status for own in await asyncio.gather(*(client(number) for number in range(50))) for status in own]
    assert set(answers) == {200, 429}
    assert LIMIT - LIMIT // 20 <= answers.count(200) <= LIMIT * _counting()


async def test_headers_tell_the_truth(ada: list[Person]) -> None:
    levels = []
    for _ in range(5):
        response = await ada[0].post(MEMBERS)
        assert response.headers["ratelimit-policy"] == f'"person";q={LIMIT};w=3600'
        levels.append(told(response))
    assert levels == [("person", LIMIT - spent) for spent in range(1, 6)]
    await statuses(ada[:1], LIMIT - 5)
    refused = await ada[0].post(MEMBERS)
    assert refused.status_code == 429
    assert told(refused) == ("person", 0)
    wait = int(refused.headers["retry-after"])
    error = refused.json()["errors"][0]
    assert error["extensions"] == {"code": "RATE_LIMITED", "retryAfter": wait}
    assert 0 < wait <= 3_600 // LIMIT
    assert "data" not in refused.json()


async def test_both_paths_count_the_same(ada: list[Person]) -> None:
    lean, conforming = await ada[0].post(MEMBERS), await ada[0].post(MEMBERS, None, **ASKING)
    assert (told(lean), told(conforming)) == (("person", LIMIT - 1), ("person", LIMIT - 2))
    assert conforming.json()["extensions"]["cost"] == {
        "requestedQueryCost": 1,
        "actualQueryCost": 1,
        "throttleStatus": {
            "maximumAvailable": LIMIT,
            "currentlyAvailable": LIMIT - 2,
            "restoreRate": round(LIMIT / 3_600, 6),
        },
    }
    assert "extensions" not in lean.json()


async def test_what_asks_for_much_costs_more(ada: list[Person]) -> None:
    """A hundred members with a person each are 202 objects at the most: three points."""
    query = "query($n: Int = 100) { members(first: $n) { nodes { user { id } } } }"
    by_default = await ada[0].post(query)
    given = await ada[0].post(query, {"n": 20}, **ASKING)
    assert (told(by_default)[1], told(given)[1]) == (LIMIT - 3, LIMIT - 4)
    assert given.json()["extensions"]["cost"]["actualQueryCost"] == 1


async def test_what_may_not_run_is_refused_for_what_it_is(ada: list[Person]) -> None:
    """Nobody is told to wait for points that no bucket ever holds."""
    query = "query($n: Int) { members(first: $n) { nodes { user { id } } } }"
    for first, code in ((2**40, "BAD_USER_INPUT"), (2**31 - 1, "TOO_COMPLEX")):
        response = await ada[0].post(query, {"n": first})
        assert [one["extensions"]["code"] for one in response.json()["errors"]] == [code]


async def test_keys_and_people_have_their_own_and_share_their_organizations(
    company: list[Person], doors: list[World], ada: list[Person]
) -> None:
    keys = [replace((await made(company[0]))[1], world=doors[0]) for _ in range(11)]
    for one in [ada[0], *keys[:9]]:
        assert LIMIT - LIMIT // 20 <= (await statuses([one], LIMIT)).count(200) <= LIMIT
    assert 429 in await statuses([keys[9]], LIMIT // 2)
    response = await keys[10].post(MEMBERS)
    assert response.status_code == 429
    assert told(response)[0] == "organization"


async def test_another_tier_counts_within_seconds(company: list[Person], ada: list[Person]) -> None:
    staff = ada[0].world and company[0].world.staff
    assert staff
    given = {"organizationId": company[0].organization, "tier": "SCALE"}
    assert (await staff.call("changeOrganizationTier", input=given))["tier"] == "SCALE"

    async def more() -> bool:
        return "q=600" in (await ada[0].post(MEMBERS)).headers["ratelimit-policy"]

    await ada[0].post(MEMBERS)
    await until(more)
    assert await ada[0].refused("changeOrganizationTier", input=given) == "FORBIDDEN"


async def test_strangers_are_counted_by_address(doors: list[World]) -> None:
    nobody = Person(doors[0], "Nobody", "")
    stranger = [replace(nobody, world=door) for door in doors]
    passed = (await statuses(stranger, ANONYMOUS + 20, "{ __typename }")).count(200)
    assert ANONYMOUS - 2 <= passed <= ANONYMOUS * _counting()
    assert told(await stranger[0].post("{ __typename }"))[0] == "address"


async def test_staff_see_who_is_refused_most(ada: list[Person], company: list[Person]) -> None:
    await statuses(ada[:1], LIMIT + 30)
    staff = company[0].world.staff
    assert staff
    key = f"{ada[0].id.partition('_')[2]}:{company[0].organization.partition('_')[2]}"

    async def seen() -> Any:
        await ada[0].post(MEMBERS)
        return next((one for one in await staff.call("refusals", first=100) if one["key"] == key), None)

    found = await until(seen)
    assert (found["kind"], found["times"] > 0) == ("person", True)
    assert await ada[0].refused("refusals") in ("FORBIDDEN", "RATE_LIMITED")


async def test_subscriptions_pay_when_they_begin(ada: list[Person]) -> None:
    await statuses(ada[:1], LIMIT + 1)
    async with ada[0].live() as socket:
        await socket.subscribe("subscription { notificationEvents { __typename } }")
        assert await socket.refusal() == "RATE_LIMITED"
    streamed = await ada[0].post("subscription { notificationEvents { __typename } }", Accept="text/event-stream")
    assert streamed.status_code == 429


async def test_subscriptions_pay_for_events_and_end_when_nothing_is_left(
    company: list[Person], doors: list[World], ada: list[Person]
) -> None:
    conversation = await company[1].start(company[2])
    cursor = (await company[2].call("conversation", id=conversation))["cursor"]
    grace = replace(company[2], world=doors[0])
    async with AsyncExitStack() as stack:
        socket = await stack.enter_async_context(grace.live())
        await socket.follow("conversationEvents", depth=1, conversationId=conversation, after=cursor)
        await company[1].send(conversation, "heard")
        assert await socket.event("MessageSent")
        while (await grace.post(MEMBERS)).status_code == 200:
            pass
        for number in range(60):
            await company[1].send(conversation, str(number))
        assert await _ends(socket) == "RATE_LIMITED"


_logs: list[Path] = []


def _counting() -> int:
    """How many count: one for all, or each process on a machine so busy that Redis does not answer in 0.2 s."""
    return 1 + any("rates.open" in log.read_text() for log in _logs)


def _other(processes: Processes, **changes: str) -> Processes:
    """Of the same Atrium, with other settings."""
    environment = {**processes.environment, **changes}
    return Processes(processes.directory, environment.pop("MONGODB_DATABASE"), **environment)


async def _ends(socket: Live) -> str:
    """The code with which a subscription ends."""
    while "errors" not in (message := await socket.receive())["payload"]:
        pass
    assert (await socket.receive())["type"] == "complete"
    return str(message["payload"]["errors"][0]["extensions"]["code"])


async def test_without_redis_each_process_counts_by_itself_and_says_so(
    world: World, company: list[Person], processes: Processes, tmp_path: Path
) -> None:
    valkey, port = EmbeddedValkey(tmp_path / "valkey", free_port()).start(), free_port()
    alone = _other(processes, REDIS_URL=valkey.url, RATE_STANDARD="30")
    child = alone.start("alone", "serve", "--port", str(port))
    try:
        await ready(f"http://127.0.0.1:{port}")
        grace = replace(company[2], world=World(f"http://127.0.0.1:{port}", world.http))
        assert (await statuses([grace], 10)).count(200) == 10
        valkey.stop()
        answers = [await grace.post(MEMBERS) for _ in range(30)]
        assert [answer.status_code for answer in answers].count(200) in (20, 21)  # it refills meanwhile
        assert answers[-15].headers["atrium-rate-limits"] == "local"
        assert answers[-1].status_code == 429
    finally:
        child.stop()
        valkey.stop()
    assert "rates.open" in child.log_file.read_text()
