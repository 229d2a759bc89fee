import pytest

from app.api.negotiation import EVENTS, GRAPHQL, HTML, JSON, names, preferred


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("application/graphql-response+json", GRAPHQL),
        ("APPLICATION/GraphQL-Response+JSON; charset=utf-8", GRAPHQL),
        ("application/graphql-response+json, application/json;q=0.9", GRAPHQL),
        ("application/json;q=0.5, application/graphql-response+json;q=0.6", GRAPHQL),
        ("application/json, application/graphql-response+json", JSON),
        ("application/json;q=0, */*", GRAPHQL),
        ("text/event-stream", EVENTS),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HTML),
        ("text/*", EVENTS),
        ("image/png", None),
        ("application/json;q=0", None),
        ("application/json;q=much", None),
        (",;,", None),
    ],
)
def test_the_answer_is_what_the_client_wants_most(accept: str, expected: str | None) -> None:
    assert preferred(accept, JSON, GRAPHQL, EVENTS, HTML) == expected


def test_a_type_may_be_accepted_without_being_preferred() -> None:
    assert names("application/json, text/event-stream; q=0.1", EVENTS)
    assert not names("application/json", EVENTS)
    assert not names("*/*", EVENTS)
    assert not names("text/event-stream;q=0", EVENTS)
