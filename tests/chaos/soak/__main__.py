"""A soak: `python -m tests.chaos.soak --hours H [--rate R]`: people talk for hours, and nothing may grow or be lost."""

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tests import conftest  # noqa: F401 - sets the environment that all tests have
from tests.chaos.conversations.run import Plan, run
from tests.chaos.conversations.summary import summary
from tests.chaos.soak.samples import Samples

PEOPLE = 20
MEGABYTES = 1.0
"""By which the memory of a process may grow in an hour. Of less than an hour nothing is judged."""

cli = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@cli.command()
def main(
    hours: Annotated[float, typer.Option(min=0.01, help="How long.")] = 8,
    rate: Annotated[float, typer.Option(min=0.1, help="Messages a second, of all.")] = 20,
    seed: Annotated[int, typer.Option(help="Who says what when.")] = 1,
) -> None:
    """Let people talk, and watch the processes. Exits with 1 when a message was lost, or memory grew."""
    seconds = hours * 3600
    messages = max(PEOPLE, int(seconds * rate))
    plan = Plan(seed, PEOPLE, PEOPLE // 2, messages, seconds, pause=1, servers=2, faults=())
    console, samples = Console(), Samples(every=max(1.0, min(60.0, seconds / 60)))
    with tempfile.TemporaryDirectory(prefix="atrium-soak-") as directory, console.status("") as status:
        outcome = asyncio.run(run(plan, Path(directory), status.update, samples.collect))
    console.print(summary(outcome), highlight=False, soft_wrap=True)
    slopes = samples.slopes()
    console.print(_table(samples, slopes))
    memory = {name: slope for name, slope in slopes.items() if name.endswith("MB") and hours >= 1}
    grown = [f"{name}: {slope:+.1f} an hour" for name, slope in memory.items() if slope > MEGABYTES]
    for problem in [*outcome.problems, *grown]:
        console.print(problem, style="red", markup=False, highlight=False, soft_wrap=True)
    if outcome.problems or grown:
        raise typer.Exit(1)


def _table(samples: Samples, slopes: Mapping[str, float]) -> Table:
    table = Table(title=f"{len(next(iter(samples.series.values()), []))} samples")
    for column in ("figure", "first", "last", "an hour"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for name, series in samples.series.items():
        slope = slopes.get(name)
        table.add_row(name, f"{series[0][1]:.0f}", f"{series[-1][1]:.0f}", "" if slope is None else f"{slope:+.1f}")
    return table


if __name__ == "__main__":
    cli()
