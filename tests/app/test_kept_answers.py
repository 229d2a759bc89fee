"""Answers that are kept, in two API processes with a Valkey of their own: nobody is given an old one, or another's."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pymongo import AsyncMongoClient

from app.dev.embedded import EmbeddedValkey
from app.schema.kit.settling import DIRECTIVE, HEADER
from tests import documents
from tests.world import Person, Processes, World, free_port, organization, ready, until

ROUNDS = 15
NAME = "query { organization { name version } }"
MEMBERS = "query { members(first: 50) { nodes { role user { name } } } }"


@dataclass
class Server:
    """An API process, and where it shows its figures."""

    world: World
    metrics: str

    async def figures(self) -> dict[str, float]:
        text = (await self.world.http.get(self.metrics)).text
        families = text_string_to_metric_families(text)
        samples = [sample for family in families for sample in family.samples]
        return {s.name.removeprefix("atrium_answers_"): s.value for s in samples if s.name.startswith("atrium_answers")}

    def seen_by(self, person: Person) -> Person:
        """The person, who asks here."""
        return Person(self.world, person.name, person.email, person.id, person.token, organization=person.organization)


@dataclass
class Scene:
    valkey: EmbeddedValkey
    a: Server
    b: Server


@pytest.fixture(scope="module")
async def scene(mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    directory: Path = tmp_path_factory.mktemp("answers")
    database, ports = f"atrium_answers_{secrets.token_hex(6)}", [free_port(), free_port()]
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(AsyncMongoClient[dict[str, Any]](mongodb_uri))
        stack.push_async_callback(client.drop_database, database)
        valkey = stack.enter_context(EmbeddedValkey(directory / "valkey"))
        own = {"REDIS_URL": valkey.url, "PUBLIC_URL": urls[0], "DRAIN_SECONDS": "0", "ACCESS_TOKEN_SECONDS": "3600"}
        plain = Processes(directory, database, **own, METRICS_PORT="0")
        await asyncio.to_thread(plain.run, "migrate")
        children, servers = [plain.start("worker", "worker")], []
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=30))
        for name, port, url in zip("ab", ports, urls, strict=True):
            metrics = free_port()
            processes = Processes(directory, database, **own, METRICS_PORT=str(metrics))
            children.append(processes.start(name, "serve", "--port", str(port)))
            servers.append(Server(World(url, http), f"http://127.0.0.1:{metrics}/metrics"))
        for child in children:
            stack.push_async_callback(asyncio.to_thread, child.stop)
        for url in urls:
            await ready(url, seconds=90)
        yield Scene(valkey, *servers)


@pytest.fixture(scope="module")
async def people(scene: Scene) -> list[Person]:
    """An owner and a member."""
    people = [await scene.a.world.person(name) for name in ("Olivia", "Ada")]
    await organization(*people)
    return people


async def settled(person: Person, name: str, **arguments: Any) -> str:
    """Have it done; answers the token of those who know of it."""
    text, variables = documents.operation(name, arguments, directive=f"@{DIRECTIVE}", depth=1)
    told = (await person.answer(text, **variables))["extensions"]["settled"]["a0"]
    assert told["ok"]
    return str(told["after"])


async def read(person: Person, text: str, after: str | None = None) -> Any:
    """The data that somebody is given who knows as much as the token says."""
    response = await person.post(text, None, **({HEADER: after} if after else {}))
    assert response.status_code == 200, response.text
    return response.json()["data"]


async def test_who_knows_of_a_change_is_never_given_what_was_before(scene: Scene, people: list[Person]) -> None:
    owner, member = people
    versions: dict[str, list[int]] = {"a": [], "b": []}
    stop = asyncio.Event()

    async def watch(name: str, server: Server) -> None:
        watcher = server.seen_by(member)
        while not stop.is_set():
            versions[name].append((await read(watcher, NAME))["organization"]["version"])

    watchers = [asyncio.create_task(watch(name, one)) for name, one in (("a", scene.a), ("b", scene.b))]
    elsewhere = scene.b.seen_by(owner)
    for number in range(ROUNDS):
        after = await settled(owner, "updateOrganization", input={"name": f"Company {number}"})
        assert (await read(elsewhere, NAME, after))["organization"]["name"] == f"Company {number}"
        assert (await read(owner, NAME))["organization"]["name"] == f"Company {number}"
        await owner.call("updateOrganization", input={"name": f"Firm {number}"})
        assert (await read(owner, NAME))["organization"]["name"] == f"Firm {number}", "one's own write, without a token"
    stop.set()
    await asyncio.gather(*watchers)
    for name, seen in versions.items():
        assert len(seen) > ROUNDS
        assert seen == sorted(seen), f"{name} went back"
    for server in (scene.a, scene.b):
        figures = await server.figures()
        assert figures["hits_total"] > 0
        assert figures["dropped_total"] > 0


async def test_fifty_who_ask_the_same_cost_one_computation(scene: Scene, people: list[Person]) -> None:
    async def once() -> bool:
        text = f"{NAME} # {secrets.token_hex(4)}"
        before = await scene.a.figures()
        answers = await asyncio.gather(*(read(person, text) for person in people * 25))
        assert len(answers) == 50
        assert all(answer == answers[0] for answer in answers)
        after = await scene.a.figures()
        computed = after["misses_total"] - before["misses_total"]
        assert computed <= 1
        given = sum(after[name] - before[name] for name in ("joined_total", "hits_total"))
        return (computed, given) == (1, 49)

    await until(once)  # a process that this machine keeps waiting for two seconds is behind, and keeps nothing


async def test_what_one_process_computed_the_other_need_not(scene: Scene, people: list[Person]) -> None:
    owner, _ = people
    text = NAME + " # shared"
    await read(owner, text)

    async def shared() -> bool:
        before = await scene.b.figures()
        await read(scene.b.seen_by(owner), text)
        return (await scene.b.figures())["misses_total"] == before["misses_total"]

    await until(shared)


async def test_another_organization_gets_its_own(scene: Scene, people: list[Person]) -> None:
    stranger = await scene.a.world.person("Mallory")
    await organization(stranger, name="Elsewhere")
    assert [one["user"]["name"] for one in (await read(people[0], MEMBERS))["members"]["nodes"]].count("Mallory") == 0
    assert [one["user"]["name"] for one in (await read(stranger, MEMBERS))["members"]["nodes"]] == ["Mallory"]


async def test_a_name_that_somebody_changes_elsewhere_is_new_here(scene: Scene, people: list[Person]) -> None:
    owner, _ = people
    wanderer = await scene.a.world.person("Wanda")
    id = owner.organization
    await organization(owner, wanderer)
    await organization(wanderer, name="Her own")
    assert "Wanda" in str(await read(owner, MEMBERS))
    after = await settled(wanderer, "updateProfile", input={"name": "Wendy"})
    for server in (scene.a, scene.b):
        shown = str(await read(server.seen_by(owner), MEMBERS, after))
        assert "Wendy" in shown
        assert "Wanda" not in shown
    await owner.enter(id)


async def test_who_was_kept_out_gets_nothing_that_is_kept(scene: Scene, people: list[Person]) -> None:
    owner, member = people
    for server in (scene.a, scene.b):
        for person in people:
            await read(server.seen_by(person), MEMBERS)
    after = await settled(owner, "suspendMember", input={"userId": member.id})
    for server in (scene.a, scene.b):
        refused = await server.seen_by(member).post(MEMBERS, None, **{HEADER: after})
        assert refused.status_code == 401
        assert "data" not in refused.json()
        assert "nodes" in str(await read(server.seen_by(owner), MEMBERS, after))
    await owner.call("reinstateMember", input={"userId": member.id})
    await member.sign_in()


async def test_who_may_do_less_from_now_on_is_shown_less(scene: Scene, people: list[Person]) -> None:
    owner, member = people
    text = "query { members(first: 50) { nodes { user { email } } } }"
    await settled(owner, "changeMemberRole", input={"userId": member.id, "role": "ADMIN"})
    assert owner.email in str(await read(member, text))
    after = await settled(owner, "changeMemberRole", input={"userId": member.id, "role": "MEMBER"})
    for server in (scene.a, scene.b):
        shown = str(await read(server.seen_by(member), text, after))
        assert owner.email not in shown
        assert member.email in shown


async def test_without_valkey_it_all_holds(scene: Scene, people: list[Person]) -> None:
    owner, _ = people
    elsewhere = scene.b.seen_by(owner)
    scene.valkey.process.kill()
    try:
        for number in range(5):
            after = await settled(owner, "updateOrganization", input={"name": f"Alone {number}"})
            assert (await read(elsewhere, NAME, after))["organization"]["name"] == f"Alone {number}"
            assert (await read(owner, NAME))["organization"]["name"] == f"Alone {number}"

        async def kept() -> bool:
            before = await scene.b.figures()
            for _ in range(5):
                await read(elsewhere, NAME)
            return (await scene.b.figures())["hits_total"] - before["hits_total"] == 5

        await until(kept)
    finally:
        await asyncio.to_thread(scene.valkey.start)
