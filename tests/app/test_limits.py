"""S2: what asks for too much of the real schema is refused before anything runs."""

import asyncio

import pytest

from tests.world import Person

NODES = "conversations(first: 100) { nodes {"
CHAIN = " ".join(f"fragment F{n} on Conversation {{ ...F{n + 1} ...F{n + 1} }}" for n in range(60))
TOO_MUCH = {
    "2^60 fields by fragments": f"{{ {NODES} ...F0 }} }} }} {CHAIN} fragment F60 on Conversation {{ id }}",
    "pages of pages": f"{{ {NODES} messages(first: 100) {{ nodes {{ id }} }} }} }} }}",
    "pages of pages by a default": f"{{ {NODES} messages {{ nodes {{ thread {{ nodes {{ id }} }} }} }} }} }} }}",
    "people of pages of pages": f"{{ {NODES} participants {{ user {{ presence {{ user {{ id }} }} }} }} }} }} }}",
    "aliases": "{ " + " ".join(f"a{n}: me {{ id }}" for n in range(201)) + " }",
    "the same field again": "{ me { " + "name " * 600 + "} }",
    "directives": "{ me { name " + "@include(if: true) " * 60 + "} }",
    "mutations": "mutation { " + " ".join(f"a{n}: signOut {{ __typename }}" for n in range(201)) + " }",
    "introspection in circles": "{ __schema { types " + "{ fields { type " * 12 + "{ name }" + " } }" * 12 + " } }",
}
CODES = {"TOO_COMPLEX", "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED"}


@pytest.mark.parametrize("name", TOO_MUCH)
async def test_it_is_refused(company: list[Person], name: str) -> None:
    assert await company[0].code(TOO_MUCH[name]) in CODES


async def test_others_are_answered_meanwhile(company: list[Person]) -> None:
    hostile = [company[0].post(query) for query in [*TOO_MUCH.values()] * 5]
    answers = await asyncio.gather(*hostile, *(company[1].call("me") for _ in range(10)))
    assert [answer["name"] for answer in answers[-10:]] == ["Ada"] * 10
