"""Parts of real answers: pages that come item by item, related rows that come later, and the same whole."""

from typing import Any

from app.api.negotiation import MULTIPART, Format
from tests.api.sockets.clients import parts
from tests.world import Data, Person

PAGE = """query($id: ID!) { conversation(id: $id) {
    id
    messages(first: 5) {
        nodes @stream(initialCount: 2, label: "nodes") { id text ...@defer(label: "sender") { sender { name } } }
        edges @stream(label: "edges") { cursor node { id } }
        pageInfo { hasNextPage }
    }
    ...@defer(label: "people") { participants { user { name } } }
} }"""


async def in_parts(person: Person, query: str, format: Format, **variables: str) -> list[Data]:
    headers = {"Authorization": f"Bearer {person.token}", "Accept": f"{MULTIPART};{format}, application/json"}
    body = {"query": query, "variables": variables}
    async with person.world.http.stream("POST", person.world.graphql, json=body, headers=headers) as response:
        return [part async for part in parts(response)]


def merged(payloads: list[Data]) -> Data:
    """The data of an answer in the format of 2022, put together."""
    data: Data = payloads[0]["data"]
    for part in [part for payload in payloads[1:] for part in payload.get("incremental", ())]:
        assert "errors" not in part
        *way, last = part["path"]
        if "items" in part:
            items = at(data, way)
            assert len(items) == last
            items.extend(part["items"])
        else:
            at(data, part["path"]).update(part["data"])
    return data


def at(data: Any, path: list[str | int]) -> Any:
    for key in path:
        data = data[key]
    return data


async def test_a_page_comes_in_parts_that_make_up_the_whole(company: list[Person]) -> None:
    _, ada, grace = company
    conversation = await ada.start(grace, title="Parts")
    for number in range(7):
        await (ada, grace)[number % 2].send(conversation, f"{number}")
    payloads = await in_parts(grace, PAGE, Format.OF_2022, id=conversation)
    first = payloads[0]["data"]["conversation"]
    assert "participants" not in first
    assert len(first["messages"]["nodes"]) == 2
    assert first["messages"]["edges"] == []
    whole = await grace.ask(PAGE, id=conversation)
    assert len(whole["conversation"]["messages"]["nodes"]) == 5
    assert merged(payloads) == whole
