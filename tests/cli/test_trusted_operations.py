"""`atrium operations`: what manifests register, what they must not, and what is forgotten again."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.cli.commands import Commands, Store

RELAY = Path(__file__).parents[1] / "clients" / "relay" / "persisted_queries.json"
ME, SESSIONS = "query Me { me { id } }", "query Mine($first: Int) { conversations(first: $first) { nodes { id } } }"

Write = Callable[[str, Any], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file; answers its path."""

    def write(name: str, content: Any) -> str:
        file = tmp_path / name
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(file)

    return write


@pytest.fixture
def rows(store: Store) -> Callable[[], dict[str, Any]]:
    """What is stored, by id; nothing at first."""
    store["trusted_operations"].delete_many({})
    return lambda: {row["key"]: row for row in store["trusted_operations"].find()}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def apollo(*texts: str, **ids: str) -> dict[str, Any]:
    """A manifest as Apollo's generator writes it; `ids` are texts by ids of one's own."""
    bodies = {**{sha256(text): text for text in texts}, **ids}
    operations = [
        {"id": id, "name": body.split()[1].partition("(")[0], "type": body.split()[0], "body": body}
        for id, body in bodies.items()
    ]
    return {"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations}


def test_the_manifests_of_both_are_registered_once(
    atrium: Commands, write: Write, rows: Callable[[], dict[str, Any]], redis_url: str
) -> None:
    files = [write("apollo.json", apollo(ME, SESSIONS)), str(RELAY)]
    told = atrium.run("operations", "push", *files, "--release", "web-1")
    assert "5 registered, 0 known already." in told
    header, *lines = told.splitlines()
    assert header.split() == ["ID", "Type", "Standing", "Operation"]
    assert [sha256(ME)[:12], "query", "new", "Me"] in [line.split() for line in lines]
    stored = rows()
    assert {(row["name"], row["kind"]) for row in stored.values()} == {
        ("Me", "query"),
        ("Mine", "query"),
        ("operationsMeQuery", "query"),
        ("operationsSendMutation", "mutation"),
        ("operationsMessagesSubscription", "subscription"),
    }
    assert stored.keys() == {sha256(ME), sha256(SESSIONS), *json.loads(RELAY.read_text())}
    with Redis.from_url(redis_url) as redis:
        for row in stored.values():
            assert redis.get(f"operation:{row['key']}") == row["text"].encode()
            assert redis.ttl(f"operation:{row['key']}") == -1
    again = json.loads(atrium.run("operations", "push", *files, "--release", "web-2", "--json"))
    assert {one["standing"] for one in again} == {"known"}
    assert rows()[sha256(ME)]["releases"] == ["web-1", "web-2"]


def test_a_dry_run_says_the_same_and_stores_nothing(
    atrium: Commands, write: Write, rows: Callable[[], dict[str, Any]]
) -> None:
    told = atrium.run("operations", "push", write("apollo.json", apollo(ME)), "--dry-run")
    assert "1 would be registered, 0 known already." in told
    assert rows() == {}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (apollo(ME, "query Other { nothing }"), "Other ({}): Cannot query field 'nothing' on type 'Query'."),
        (apollo(ME, "query Other { me { id }"), "Other ({}): Syntax Error"),
        (apollo(ME, "query Other { " + " ".join(f"a{n}: me {{ id }}" for n in range(40)) + " }"), "asks for too much"),
        ({"a": "query A { me { id } } query B { me { id } }"}, "operation (a): The document has several operations"),
        ({"a": "fragment A on User { id }"}, "operation (a): "),
        ({"a b": ME}, "operation (a b): An id has up to 128 letters"),
        ({"0" * 64: ME}, "The id looks like a SHA-256, and is not that of the text."),
        (apollo() | {"version": 2}, "is not a manifest of the format apollo-persisted-query-manifest, version 1."),
        (apollo() | {"operations": {}}, "has no list of `operations`."),
        (apollo() | {"operations": [{"id": "a"}]}, "operations[0] must have the strings `id`, `name` and `body`."),
        ({"a": 1}, "a must be the text of an operation."),
        ([ME], "it is no object."),
        ("{", "is not JSON"),
    ],
)
def test_all_or_nothing_and_the_errors_say_where(
    atrium: Commands, write: Write, rows: Callable[[], dict[str, Any]], content: Any, said: str
) -> None:
    good, bad = write("good.json", apollo(SESSIONS)), write("bad.json", content)
    told = atrium.run("operations", "push", good, bad, status=1, width=1000)
    assert said.format(sha256("query Other { nothing }" if "nothing" in said else "query Other { me { id }")) in told
    assert bad in told
    assert rows() == {}


def test_every_operation_that_is_wrong_is_named(
    atrium: Commands, write: Write, rows: Callable[[], dict[str, Any]]
) -> None:
    bad = write("bad.json", apollo("query A { no }", "query B { me { none } }"))
    told = atrium.run("operations", "push", bad, status=1, width=1000)
    assert f"{bad}: A (" in told
    assert f"{bad}: B (" in told
    assert "Nothing was stored." in told


def test_an_id_keeps_its_text(atrium: Commands, write: Write, rows: Callable[[], dict[str, Any]]) -> None:
    atrium.run("operations", "push", write("first.json", apollo(feed=ME)))
    second = write("second.json", {"feed": SESSIONS, "other": ME})
    told = atrium.run("operations", "push", second, status=1, width=1000)
    assert f"{second}: operation (feed): the id names another text already." in told
    assert rows().keys() == {"feed"}
    told = atrium.run("operations", "push", write("a.json", {"x": ME}), write("b.json", {"x": SESSIONS}), status=1)
    assert "same id and another text" in " ".join(told.split())


def test_a_file_that_is_not_there_is_named(atrium: Commands) -> None:
    told = atrium.run("operations", "push", "/nowhere.json", status=1)
    assert told.strip() == "/nowhere.json: No such file or directory."


def test_they_are_listed_in_one_line_each(atrium: Commands, write: Write, rows: Callable[[], dict[str, Any]]) -> None:
    assert atrium.run("operations", "list").strip() == "There are no such operations."
    atrium.run("operations", "push", write("apollo.json", apollo(ME, SESSIONS)), "--release", "web-1")
    header, *lines = atrium.run("operations", "list", width=80).splitlines()
    assert header.split() == ["ID", "Type", "Pushed", "Releases", "Operation"]
    assert len(lines) == 2
    assert all(len(line) <= 80 for line in lines)
    assert atrium.run("operations", "list", "--release", "web-2").strip() == "There are no such operations."
    [mine, _] = sorted(json.loads(atrium.run("operations", "list", "--json")), key=lambda one: str(one["name"]))
    assert (mine["key"], mine["text"], mine["releases"]) == (sha256(ME), ME, ["web-1"])


def test_they_are_forgotten_by_id_by_release_and_by_age(
    atrium: Commands, write: Write, rows: Callable[[], dict[str, Any]], store: Store
) -> None:
    file = write("apollo.json", apollo(ME, SESSIONS, feed="query Feed { me { name } }"))
    atrium.run("operations", "push", file, "--release", "web-1")
    assert "1 would be forgotten." in atrium.run("operations", "forget", "feed", "--dry-run")
    assert len(rows()) == 3
    assert "1 forgotten." in atrium.run("operations", "forget", "fee")
    atrium.run("operations", "push", write("one.json", apollo(ME)), "--release", "web-2")
    assert "1 forgotten." in atrium.run("operations", "forget", "--release", "web-1")
    assert rows().keys() == {sha256(ME)}
    atrium.run("operations", "forget", "--older-than", "30")
    assert rows().keys() == {sha256(ME)}
    store["trusted_operations"].update_many({}, {"$set": {"pushed_at": datetime.now(UTC) - timedelta(days=31)}})
    assert "1 forgotten." in atrium.run("operations", "forget", "--older-than", "30")
    assert rows() == {}


def test_what_is_not_clear_is_not_forgotten(atrium: Commands) -> None:
    assert atrium.run("operations", "forget", "nothing", status=1).strip() == "There is no operation nothing."
    for wrong in ([], ["a", "--release", "b"], ["--release", "b", "--older-than", "3"], ["--older-than", "0"]):
        atrium.run("operations", "forget", *wrong, status=2)
