"""The rolling restart: `python -m tests.chaos.rolling [--seeds N] [--seed S] [--rate R]` (R41)."""

import asyncio
import secrets
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tests import conftest  # noqa: F401 - sets the environment that all tests have
from tests.chaos.rolling.run import Plan, run
from tests.chaos.rolling.summary import summary

cli = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@cli.command()
def main(
    seeds: Annotated[int, typer.Option(min=1, help="How many times.")] = 5,
    seed: Annotated[int | None, typer.Option(help="The first; a new one by default.")] = None,
    rate: Annotated[float, typer.Option(min=1, help="Requests a second.")] = 50,
) -> None:
    """Restart servers, workers, Valkey and each node of MongoDB under load. Exits with 1 when anybody noticed."""
    first, console, wrong = secrets.randbelow(1_000_000) if seed is None else seed, Console(), False
    for one in range(first, first + seeds):
        console.print(f"Seed {one}")
        with tempfile.TemporaryDirectory(prefix="atrium-chaos-") as directory, console.status("") as status:
            outcomes = asyncio.run(run(Plan(one, rate, nodes=3), Path(directory), status.update))
        console.print(summary(outcomes), highlight=False, soft_wrap=True)
        for line in [*outcomes.problems, *outcomes.failed]:
            console.print(line, style="red", markup=False, highlight=False, soft_wrap=True)
        wrong = wrong or bool(outcomes.problems or outcomes.failed)
    if wrong:
        raise typer.Exit(1)


if __name__ == "__main__":
    cli()
