"""Measure Atrium beside its peers: `python -m benchmarks.peers [NAMES] [--seconds N] [--rounds N] [--json FILE]`."""

import asyncio
import resource
import signal
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from enum import StrEnum
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import orjson
import typer
import uvloop
from rich.console import Console
from rich.markdown import Markdown

from app.dev.children import ChildFailed
from app.dev.embedded import BinaryMissing
from benchmarks.figures import Measurement, WrongAnswer
from benchmarks.peers import (
    chart,
    deep,
    document,
    fanout,
    goals,
    growth,
    memory,
    mongodb,
    mutation,
    real,
    report,
    versions,
)
from benchmarks.peers.contenders import NodeMissing, check_node
from benchmarks.peers.stage import Stage, staged
from benchmarks.report import as_json
from benchmarks.stage import Announce
from benchmarks.stage import Stage as OwnStage

ROOT = Path(__file__).parents[2]
DOCUMENT, CHART = ROOT / "docs/performance.md", ROOT / "docs/images/peers.svg"
FANOUT_ROUNDS = 2
"""At most: ten thousand sockets take their time to connect."""
FILE_WIDTH = 200
"""Characters in a line where nobody watches."""


class Name(StrEnum):
    MEMORY = "memory"
    MONGODB = "mongodb"
    DEEP = "deep"
    MUTATION = "mutation"
    GROWTH = "growth"
    FANOUT = "fanout"
    REAL = "real"


PAGES: dict[Name, Callable[[Stage], Awaitable[Measurement]]] = {
    Name.MEMORY: memory.prepare,
    Name.MONGODB: mongodb.prepare,
    Name.DEEP: deep.prepare,
    Name.MUTATION: mutation.prepare,
}
DRAWN = (memory.TITLE, mongodb.TITLE, deep.TITLE, mutation.TITLE, real.TITLE, fanout.title(fanout.LARGEST))


app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def main(
    names: Annotated[list[Name] | None, typer.Argument(help="What to measure; everything by default.")] = None,
    seconds: Annotated[float, typer.Option(min=1, help="How long a round takes.")] = 2,
    rounds: Annotated[int, typer.Option(min=1, help="How often each contestant takes its turn.")] = 3,
    sockets: Annotated[list[int] | None, typer.Option(min=1, help="How many subscribers `fanout` has.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write every round to this file.")] = None,
) -> None:
    """Start every server, measure, print tables and stop. Whoever measures everything writes docs/performance.md too.

    Exits with 1 when an answer was wrong.
    """
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, FILE_WIDTH)
    chosen = list(dict.fromkeys(names or Name))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it cleans up as Ctrl-C does
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # servers inherit it
    try:
        check_node()
        facts = versions.facts()
        with console.status("") as status:
            measurements = _measure(chosen, seconds, rounds, sockets or fanout.SIZES, status.update)
    except (BinaryMissing, ChildFailed, NodeMissing, WrongAnswer) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(1) from None
    shown = report.markdown(facts, measurements, goals.judged(measurements))
    console.print(Markdown(shown))
    if json:
        json.write_bytes(orjson.dumps(as_json(facts, measurements, None), option=orjson.OPT_INDENT_2))
    if any(contestant.errors for measurement in measurements for contestant in measurement.contestants):
        console.print("Some answers were wrong or lost: these figures mean nothing.", style="red")
        raise typer.Exit(1)
    if set(chosen) == set(Name) and sockets is None:
        _write(shown, measurements)


def _measure(
    chosen: list[Name], seconds: float, rounds: int, sockets: Sequence[int], announce: Announce
) -> list[Measurement]:
    measurements: list[Measurement] = []

    async def take(prepared: Iterable[Measurement], times: int = rounds) -> None:
        for measurement in prepared:
            await measurement.run(seconds, times, announce)
            measurements.append(measurement)

    async def beside_peers(stage: Stage) -> None:
        for name in chosen:
            announce(f"{name}: starting servers, comparing answers, warming up")
            if name in PAGES:
                await take([await PAGES[name](stage)])
            elif name is Name.GROWTH:
                await take(await growth.prepare(stage))
            elif name is Name.FANOUT:
                with ProcessPoolExecutor(1, get_context("spawn")) as clients:  # it stays on this process's core
                    await take(fanout.prepare(stage, clients, sockets), min(rounds, FANOUT_ROUNDS))

    async def by_itself(stages: tuple[OwnStage, OwnStage]) -> None:
        await take([await real.prepare(*stages)])

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if set(chosen) - {Name.REAL}:
            with staged(announce) as stage:
                runner.run(beside_peers(stage))
        if Name.REAL in chosen:
            with real.prepared(announce) as stages:
                runner.run(by_itself(stages))
    return measurements


def _write(shown: str, measurements: list[Measurement]) -> None:
    """Put tables and chart where readers find them."""
    drawn = [measurement for title in DRAWN for measurement in measurements if measurement.title == title]
    CHART.write_text(chart.drawn(drawn))
    picture = f"![What one core of each server does in a second]({CHART.relative_to(DOCUMENT.parent)})"
    DOCUMENT.write_text(document.rewritten(DOCUMENT.read_text(), f"{picture}\n\n{shown}"))


if __name__ == "__main__":
    app()
