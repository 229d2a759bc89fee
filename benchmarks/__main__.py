"""Measure Atrium beside the limits of the machine: `python -m benchmarks [NAMES] [--seconds N] [--json FILE]`."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from app.dev.children import ChildFailed
from app.dev.embedded import BinaryMissing
from benchmarks import conversations, delivery, machine, notices, report, sending, transfers
from benchmarks.figures import Measurement, WrongAnswer
from benchmarks.jobs import stage as jobs_stage
from benchmarks.jobs.crashes import Crashes
from benchmarks.jobs.rounds import starts, throughput
from benchmarks.stage import Announce, Stage, staged

FILE_WIDTH = 160
"""Characters in a line where nobody watches."""


class Name(StrEnum):
    CONVERSATIONS = "conversations"
    SENDING = "sending"
    DELIVERY = "delivery"
    TRANSFERS = "transfers"
    HOT_TRANSFERS = "hot-transfers"
    HISTORIES = "histories"
    NOTICES = "notices"
    JOBS = "jobs"


PREPARE: dict[Name, Callable[[Stage], Coroutine[Any, Any, Measurement]]] = {
    Name.CONVERSATIONS: conversations.prepare,
    Name.SENDING: sending.prepare,
    Name.DELIVERY: delivery.prepare,
    Name.TRANSFERS: transfers.prepare,
    Name.HOT_TRANSFERS: transfers.prepare_hot,
    Name.HISTORIES: transfers.prepare_histories,
    Name.NOTICES: notices.prepare,
}


app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def main(
    names: Annotated[list[Name] | None, typer.Argument(help="What to measure; everything by default.")] = None,
    seconds: Annotated[float, typer.Option(min=1, help="How long a round takes.")] = 4,
    rounds: Annotated[int, typer.Option(min=1, help="How often each contestant takes its turn.")] = 3,
    json: Annotated[Path | None, typer.Option(help="Write every round to this file.")] = None,
) -> None:
    """Start servers of its own, measure, print tables and stop. Exits with 1 when an answer was wrong."""
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, FILE_WIDTH)
    facts = machine.facts()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it cleans up as Ctrl-C does
    try:
        with console.status("") as status:
            chosen = names or list(Name)
            measurements = _measure([name for name in chosen if name in PREPARE], seconds, rounds, status.update)
            crashes = None
            if Name.JOBS in chosen:
                of_jobs, crashes = _measure_jobs(seconds, rounds, status.update)
                measurements += of_jobs
    except (BinaryMissing, ChildFailed, WrongAnswer) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(1) from None
    report.show(facts, measurements, crashes, console)
    if json:
        json.write_bytes(orjson.dumps(report.as_json(facts, measurements, crashes), option=orjson.OPT_INDENT_2))
    if any(contestant.errors for measurement in measurements for contestant in measurement.contestants):
        console.print("Some answers were wrong or lost: these figures mean nothing.", style="red")
        raise typer.Exit(1)


def _measure(names: list[Name], seconds: float, rounds: int, announce: Announce) -> list[Measurement]:
    measurements: list[Measurement] = []
    if not names:
        return measurements
    with staged(announce) as stage, asyncio.Runner(loop_factory=_loop_factory()) as runner:
        for name in dict.fromkeys(names):
            measurement = runner.run(PREPARE[name](stage))
            runner.run(measurement.run(seconds, rounds, announce))
            measurements.append(measurement)
    return measurements


def _measure_jobs(seconds: float, rounds: int, announce: Announce) -> tuple[list[Measurement], Crashes]:
    crashes = Crashes()
    with jobs_stage.staged(announce) as stage, asyncio.Runner(loop_factory=_loop_factory()) as runner:
        measurements = [throughput(stage), starts(stage)]
        for measurement in measurements:
            runner.run(measurement.run(seconds, rounds, announce))
        runner.run(crashes.run(stage, announce))
    return measurements, crashes


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    if sys.platform == "win32":
        return asyncio.new_event_loop
    import uvloop

    return uvloop.new_event_loop


if __name__ == "__main__":
    app()
