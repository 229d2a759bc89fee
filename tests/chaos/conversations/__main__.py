"""The long run: `python -m tests.chaos.conversations [--seconds N] [--messages N] [--seed S]`."""

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
from tests.chaos.conversations.run import EVERYTHING, Plan, run
from tests.chaos.conversations.summary import summary
from tests.faults.faults import ELECTIONS, PARTITIONS

cli = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@cli.command()
def main(
    seconds: Annotated[float, typer.Option(min=1, help="How long sending takes if nothing delays it.")] = 400,
    messages: Annotated[int, typer.Option(min=50, help="How many are sent in all.")] = 20_000,
    nodes: Annotated[
        int, typer.Option(min=1, max=3, help="Of MongoDB; with three there are elections and partitions.")
    ] = 1,
    seed: Annotated[int | None, typer.Option(help="Which faults come when; a new one by default.")] = None,
) -> None:
    """Let 50 people write to each other while everything dies and comes back. Exits with 1 when a message was lost."""
    plan = Plan(
        seed=secrets.randbelow(1_000_000) if seed is None else seed,
        clients=50,
        conversations=20,
        messages=messages,
        seconds=seconds,
        pause=2,
        servers=3,
        faults=(*EVERYTHING, *ELECTIONS, *PARTITIONS) if nodes == 3 else EVERYTHING,
        nodes=nodes,
    )
    console = Console()
    console.print(f"Seed {plan.seed}")
    try:
        with tempfile.TemporaryDirectory(prefix="atrium-chaos-") as directory, console.status("") as status:
            outcome = asyncio.run(run(plan, Path(directory), status.update))
    except (BinaryMissing, ChildFailed) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(1) from None
    console.print(summary(outcome), highlight=False, soft_wrap=True)
    for problem in outcome.problems:
        console.print(problem, style="red", markup=False, highlight=False, soft_wrap=True)
    if outcome.problems:
        raise typer.Exit(1)


if __name__ == "__main__":
    cli()
