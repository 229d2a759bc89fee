"""A crowd on one server: `python -m tests.chaos.crowd [--crowd N] [--subscriptions N] [--sockets N]` (R37, R38)."""

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tests import conftest  # noqa: F401 - sets the environment that all tests have
from tests.chaos.crowd.run import Plan, run
from tests.chaos.crowd.summary import summary

cli = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@cli.command()
def main(
    crowd: Annotated[int, typer.Option(min=1, help="How many sockets stay; each takes a file here and there.")] = 9_000,
    subscriptions: Annotated[int, typer.Option(min=1, help="How many are begun and ended.")] = 20_000,
    sockets: Annotated[int, typer.Option(min=1, help="How many come and go.")] = 5_000,
) -> None:
    """Let a crowd come, go, stay, listen and come back. Exits with 1 when anything was lost or left behind."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="atrium-chaos-") as directory, console.status("") as status:
        outcome = asyncio.run(run(Plan(subscriptions, sockets, crowd), Path(directory), status.update))
    console.print(summary(outcome), highlight=False, soft_wrap=True)
    for problem in outcome.problems:
        console.print(problem, style="red", markup=False, highlight=False, soft_wrap=True)
    if outcome.problems:
        raise typer.Exit(1)


if __name__ == "__main__":
    cli()
