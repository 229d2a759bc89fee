"""Limits: what they count, and that counting costs nothing where spreading out would."""

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st

from app.core.settings import settings
from app.execution.limits import DELAYS, INTROSPECTION_DEPTH, REPEATS, Limits, Size, _Measure, excesses

TIGHT = Limits(depth=3, fields=6, aliases=2, directives=2)


def refused(text: str, limits: Limits = TIGHT) -> dict[str, int]:
    """The limits that a document exceeds, with what it has of each."""
    errors = excesses(parse(text), limits)
    shown = [error.extensions or {} for error in errors]
    assert all(extensions["code"] == "TOO_COMPLEX" for extensions in shown)
    return {extensions["limit"]: extensions["actual"] for extensions in shown}


@pytest.mark.parametrize(
    ("text", "excess"),
    [
        ("{a{b{c}}}", {}),
        ("{a{b{c{d}}}}", {"depth": 4}),
        ("{a{...{...{b{c}}}}}", {}),
        ("{...F} fragment F on T{a{...G}} fragment G on T{b{c{d}}}", {"depth": 4}),
        ("{a b c d e f}", {}),
        ("{a b c d e f g}", {"number of fields": 7}),
        ("{...F x:a{...F}} fragment F on T{a b c}", {"number of fields": 7}),
        ("{x:a y:b}", {}),
        ("{x:a ...F ...F} fragment F on T{y:b}", {"number of aliases": 3}),
        ("{a@x b@x}", {}),
        ("query($v:Int@x)@x{a@x ...F@x} fragment F on T@x{b}", {"number of directives": 5}),
        ("query A{a} query B{a{b{c{d}}}}", {"depth": 4}),
        ("{...@defer{a{b@stream{c}}}}", {}),
        ("{...@defer{a{b@stream{c{d}}}}}", {"depth": 4}),
    ],
)
def test_each_limit_counts_what_it_says(text: str, excess: dict[str, int]) -> None:
    assert refused(text) == excess


def test_a_refusal_says_which_limit_and_by_how_much() -> None:
    [error] = excesses(parse("{a{b{c{d}}}}"), TIGHT)
    assert error.message == "This operation asks for too much: its depth is 4, and 3 is the most allowed."
    assert error.extensions == {"code": "TOO_COMPLEX", "limit": "depth", "maximum": 3, "actual": 4}


def test_depth_under_introspection_is_counted_apart() -> None:
    def nested(depth: int) -> str:
        return "{__schema" + "{a" * (depth - 1) + "}" * depth

    assert refused(nested(INTROSPECTION_DEPTH), Limits()) == {}
    assert refused(nested(INTROSPECTION_DEPTH + 1), Limits()) == {"introspection depth": INTROSPECTION_DEPTH + 1}


def test_copies_of_one_field_are_limited_where_they_would_be_merged() -> None:
    limits = Limits()
    assert refused("{" + "a " * REPEATS + "}", limits) == {}
    assert refused("{" + "a " * (REPEATS + 1) + "}", limits) == {"number of repeats of one field": REPEATS + 1}
    apart = "{" + " ".join(f"a{n}{{b}}" for n in range(REPEATS + 1)) + "}"
    assert refused(apart, limits) == {}
    merged = "{" + "a{...F ...{b}}" * (REPEATS // 2 + 1) + "} fragment F on T{b}"
    assert refused(merged, limits) == {"number of repeats of one field": REPEATS + 2}


def test_what_may_be_put_off_is_counted_with_its_fragments_spread_out() -> None:
    limits = Limits(fields=1_000)
    assert refused("{" + "...@defer{a} " * DELAYS + "}", limits) == {}
    assert refused("{" + "...@defer{a} " * DELAYS + "a@stream{b}}", limits) == {
        "number of @defer and @stream": DELAYS + 1
    }
    spread = "{a{...F} b{...F} c{...F}} fragment F on T{" + "a@stream{b} " * 7 + "}"
    assert refused(spread, limits) == {"number of @defer and @stream": 21}


def test_fragments_that_spread_each_other_are_refused() -> None:
    [error] = excesses(parse("{...A} fragment A on T{a{...B}} fragment B on T{...A}"), Limits())
    assert error.message == "The fragment A spreads itself."


def test_a_chain_of_fragments_deeper_than_the_stack_is_refused() -> None:
    chain = " ".join(f"fragment F{n} on T{{a{{...F{n + 1}}}}}" for n in range(1_000))
    assert refused("{...F0}" + chain, Limits())["depth"] > 12


@pytest.mark.parametrize("body", ["a", "x:a", "a@x", "a{b}", "__typename", ""])
def test_sixty_doublings_are_measured_in_sixty_steps(body: str) -> None:
    doubling = " ".join(f"fragment F{n} on T{{...F{n + 1} ...F{n + 1}}}" for n in range(60))
    assert refused(f"{{...F0}} {doubling} fragment F60 on T{{{body}}}", Limits())["number of fields"] == 1_000_000_000


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Small documents of fragments that spread only later ones, so that none is circular."""
    many = draw(st.integers(0, 4))

    def selections(after: int, depth: int = 0) -> str:
        parts = []
        for _ in range(draw(st.integers(1, 3))):
            kind = draw(st.sampled_from(["field", "nested", "inline", "spread"]))
            decorated = draw(st.sampled_from(["", "", "@x"]))
            alias = draw(st.sampled_from(["", "", "y:"]))
            if kind == "spread" and after < many:
                parts.append(f"...F{draw(st.integers(after, many - 1))}{decorated}")
            elif kind == "inline" and depth < 3:
                parts.append(f"...{decorated}{selections(after, depth + 1)}")
            elif kind == "nested" and depth < 3:
                roots = ["__schema"] if after == depth == 0 else []  # only the root has it
                name = draw(st.sampled_from(["a", "b", *roots]))
                parts.append(f"{alias}{name}{decorated}{selections(after, depth + 1)}")
            else:
                parts.append(f"{alias}{draw(st.sampled_from(['c', 'd']))}{decorated}")
        return "{" + " ".join(parts) + "}"

    fragments = [f"fragment F{n} on T{selections(n + 1)}" for n in range(many)]
    return " ".join([selections(0), *fragments])


def spread_out(document: DocumentNode, selections: SelectionSetNode) -> tuple[Size, dict[tuple[str, ...], int]]:
    """The size as the words define it, field by field; and how many fields stand at each place."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    size, places = Size(), dict[tuple[str, ...], int]()

    def walk(node: SelectionSetNode, depth: int, introspection: int, place: tuple[str, ...]) -> None:
        for selection in node.selections:
            size.directives += len(selection.directives or ())
            if isinstance(selection, FieldNode):
                name = selection.name.value
                here = (*place, (selection.alias or selection.name).value)
                places[here] = places.get(here, 0) + 1
                size.fields += 1
                size.aliases += selection.alias is not None
                inside = introspection + 1 if introspection or name == "__schema" else 0
                outside = depth if introspection else depth + 1
                size.depth = max(size.depth, outside)
                size.introspection_depth = max(size.introspection_depth, inside)
                if selection.selection_set:
                    walk(selection.selection_set, outside, inside, here)
            elif isinstance(selection, FragmentSpreadNode):
                walk(fragments[selection.name.value].selection_set, depth, introspection, place)
            else:
                walk(selection.selection_set, depth, introspection, place)  # type: ignore[attr-defined]

    walk(selections, 0, 0, ())
    return size, places


@given(documents())
def test_the_memoised_size_is_the_size_spread_out(text: str) -> None:
    document = parse(text)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    size, places = spread_out(document, operation.selection_set)
    measure = _Measure(document)
    measured = measure.operation(operation)
    assert measure.repeats([operation.selection_set]) == max(places.values())
    assert measured == size


def test_the_settings_are_the_limits() -> None:
    chosen = settings().model_copy(update={"graphql_max_depth": 5, "graphql_max_cost": 123})
    assert Limits.of(chosen) == Limits(depth=5, cost=123)
