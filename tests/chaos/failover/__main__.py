"""The failover table: `python -m tests.chaos.failover [--seeds N] [--seed S] [--strike NAME]` (R20)."""

import asyncio
import secrets
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from app.dev.children import ChildFailed
from app.dev.embedded import BinaryMissing
from tests import conftest  # noqa: F401 - sets the environment that all tests have
from tests.chaos.failover.run import Plan, run
from tests.chaos.failover.strikes import STRIKES
from tests.chaos.failover.summary import late, table

cli = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@cli.command()
def main(
    seeds: Annotated[int, typer.Option(min=1, help="How many rounds of each fault.")] = 3,
    seed: Annotated[int | None, typer.Option(help="The first; a new one by default.")] = None,
    strike: Annotated[list[str] | None, typer.Option(help=f"One or more of: {', '.join(STRIKES)}.")] = None,
    writers: Annotated[int, typer.Option(min=1, help="Through the change log, and as many through the API.")] = 16,
    held: Annotated[float, typer.Option(min=5, help="Seconds for which a primary is frozen or cut off.")] = 30,
) -> None:
    """Take the primary from under those who write, in every way. Exits with 1 when anything was lost, or was late."""
    first = secrets.randbelow(1_000_000) if seed is None else seed
    plan = Plan(seeds=range(first, first + seeds), strikes=strike or list(STRIKES), writers=writers, held=held)
    console = Console(width=160)
    console.print(f"Seeds from {first}")
    try:
        with tempfile.TemporaryDirectory(prefix="atrium-chaos-") as directory, console.status("") as status:
            rounds = asyncio.run(run(plan, Path(directory), status.update))
    except (BinaryMissing, ChildFailed) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(1) from None
    console.print(table(rounds))
    wrong = [f"{one.strike}, seed {one.seed}: {problem}" for one in rounds for problem in one.problems]
    wrong += [f"not retryable: {shown}" for one in rounds for shown in one.refused.final]
    for line in wrong + late(rounds):
        console.print(line, style="red", markup=False, highlight=False, soft_wrap=True)
    if wrong or late(rounds):
        raise typer.Exit(1)


if __name__ == "__main__":
    cli()
