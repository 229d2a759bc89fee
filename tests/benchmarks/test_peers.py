"""What becomes of figures: ratios, verdicts, tables, the chart, and their place in the document."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree

import orjson
import pytest
from graphql import GraphQLSchema, build_schema

from benchmarks.figures import Contestant, Measurement, Round
from benchmarks.peers import chart, deep, document, fanout, growth, memory, mongodb, mutation, real, report
from benchmarks.peers.__main__ import DOCUMENT, DRAWN, ROOT
from benchmarks.peers.contenders import NODE
from benchmarks.peers.goals import GOALS, Figure, Ratio, Verdict, judged

SVG = "{http://www.w3.org/2000/svg}"
TITLES = {memory.TITLE, mongodb.TITLE, deep.TITLE, mutation.TITLE, real.TITLE, *map(fanout.title, fanout.SIZES)}
TITLES |= {growth.MEMORY_TITLE, growth.MONGODB_TITLE, growth.STORED_TITLE}

ATRIUM, PEER = "Atrium", "Peer & <Co>"


def contestant(name: str, *cpu: float, also: Mapping[str, float] | None = None, errors: int = 0) -> Contestant:
    """One with a round for each figure of processor time, in µs."""

    async def turn(seconds: float) -> Round:
        raise AssertionError("Nothing is measured here.")

    rounds = [Round(1_000, 1.0, 1e6 / one, 1.0, 2.0, 3.0, 4.0, errors, {"server": one}, also or {}) for one in cpu]
    return Contestant(name, turn, rounds)


def measurement(*contestants: Contestant) -> Measurement:
    return Measurement("A page", "requests", list(contestants))


def verdict(goal: Ratio | Figure, *contestants: Contestant) -> Verdict:
    [one] = judged([measurement(*contestants)], [goal])
    return one


def test_a_ratio_is_of_the_medians_and_its_spread_is_that_of_the_rounds() -> None:
    one = verdict(Ratio("A page", ATRIUM, PEER, 4), contestant(ATRIUM, 50, 40, 80), contestant(PEER, 100, 400, 200))
    assert (one.reached, one.least, one.most) == (4, 2, 10)


@pytest.mark.parametrize(("cpu", "met"), [(200.0, True), (199.9, False)])
def test_a_ratio_is_met_from_what_is_wanted_on(cpu: float, met: bool) -> None:
    assert verdict(Ratio("A page", ATRIUM, PEER, 4), contestant(ATRIUM, 50), contestant(PEER, cpu)).met is met


@pytest.mark.parametrize(("kb", "met"), [(20.0, True), (20.1, False)])
def test_a_figure_is_met_up_to_what_is_wanted(kb: float, met: bool) -> None:
    assert (
        verdict(Figure("A page", ATRIUM, "kB", "kB a socket", 20), contestant(ATRIUM, 50, also={"kB": kb})).met is met
    )


def test_what_was_not_measured_is_not_judged() -> None:
    assert judged([measurement(contestant(ATRIUM, 50))], [Ratio("Another page", ATRIUM, PEER, 4)]) == []


def test_every_goal_and_every_panel_is_of_a_measurement() -> None:
    assert {goal.title for goal in GOALS} <= TITLES
    assert set(DRAWN) <= TITLES


def test_the_report_says_what_was_met_and_what_was_not() -> None:
    taken = [measurement(contestant(ATRIUM, 50, 60, 40), contestant(PEER, 100, 90, 120))]
    wanted = [Ratio("A page", ATRIUM, PEER, 1.5), Ratio("A page", ATRIUM, PEER, 2.5)]
    shown = report.markdown({"Python": "3.11"}, taken, judged(taken, wanted))
    assert "- Python: 3.11" in shown
    assert "| A page | CPU of Peer & <Co> / of it | 1.5 or more | 2.00 (1.50 to 3.00) | met |" in shown
    assert "| A page | CPU of Peer & <Co> / of it | 2.5 or more | 2.00 (1.50 to 3.00) | **not met** |" in shown
    assert "| Peer & <Co> | 100 (90.0 to 120) | 2.00 (1.50 to 3.00) | 10,000 (8,333 to 11,111) | 1.0 | 3.0 |" in shown


def test_the_report_counts_errors() -> None:
    assert "Errors: 0." in report.markdown({}, [measurement(contestant(ATRIUM, 50))], [])
    assert "Errors: 4." in report.markdown({}, [measurement(contestant(ATRIUM, 50, 50, errors=2))], [])


def test_bars_are_as_long_as_what_a_core_does() -> None:
    drawn = chart.drawn([measurement(contestant(ATRIUM, 50), contestant(PEER, 200))])
    picture = ElementTree.fromstring(drawn)  # noqa: S314 - our own
    bars = [float(bar.attrib["width"]) for bar in picture.iter(f"{SVG}rect")][1:]  # the first is the ground
    assert bars[0] == pytest.approx(4 * bars[1], rel=0.01)
    words = [text.text for text in picture.iter(f"{SVG}text")]
    assert PEER in words
    assert {"20,000", "5,000"} <= set(words)


def test_writing_twice_is_writing_once() -> None:
    text = f"# Performance\n\n{document.BEGIN}\nold\n{document.END}\n\n## After\n"
    once = document.rewritten(text, "new\n")
    assert once == f"# Performance\n\n{document.BEGIN}\n\nnew\n\n{document.END}\n\n## After\n"
    assert document.rewritten(once, "new\n") == once


@pytest.mark.parametrize("text", ["", document.BEGIN, document.END, document.END + document.BEGIN])
def test_a_document_without_its_markers_is_refused(text: str) -> None:
    with pytest.raises(document.MarkersMissing):
        document.rewritten(text, "new")


def test_the_document_has_its_markers() -> None:
    assert document.rewritten(DOCUMENT.read_text(), "new")


def test_the_peers_packages_are_pinned_and_name_no_host() -> None:
    wanted: dict[str, str] = orjson.loads((NODE / "package.json").read_bytes())["dependencies"]
    locked: dict[str, dict[str, Any]] = orjson.loads((NODE / "package-lock.json").read_bytes())["packages"]
    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert [name for name, package in locked.items() if "resolved" in package] == []


def test_atrium_shows_what_the_peers_show() -> None:
    """In a process of its own: the events of the bench schema are none of Atrium's."""
    program = "from benchmarks.peers.atrium.schema import schema; print(schema.as_str())"
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    ours, theirs = build_schema(printed.stdout), build_schema((NODE / "schema.graphql").read_text())
    shown = {(kind.name, field) for kind in _composite(ours) for field in kind.fields}
    wanted = {(kind.name, field) for kind in _composite(theirs) for field in kind.fields}
    assert wanted - shown == set()
    assert len(wanted) > 20


def _composite(schema: GraphQLSchema) -> Iterator[Any]:
    """The types of a schema that have fields, without GraphQL's own."""
    return (kind for name, kind in schema.type_map.items() if hasattr(kind, "fields") and not name.startswith("__"))
