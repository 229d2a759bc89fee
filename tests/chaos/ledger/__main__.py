"""The ledger under kills of MongoDB's primary: `python -m tests.chaos.ledger [--seeds N] [--seed S]` (R70).

Exits with 1 when anything does not add up, or the 99th percentile of an operation is above five seconds.
"""

import asyncio
import secrets
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tests import conftest  # noqa: F401 - sets the environment that all tests have
from tests.chaos.ledger.run import Round, run

BOUND = 5.0
cli = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@cli.command()
def main(
    seeds: Annotated[int, typer.Option(min=1, help="How many rounds of each kind.")] = 5,
    seed: Annotated[int | None, typer.Option(help="The first; a new one by default.")] = None,
    operations: Annotated[int, typer.Option(min=1, help="In each round.")] = 1_000,
) -> None:
    """Let a thousand operations on fifty wallets meet a failover."""
    first = secrets.randbelow(1_000_000) if seed is None else seed
    console = Console(width=160)
    console.print(f"Seeds from {first}")
    with tempfile.TemporaryDirectory(prefix="atrium-chaos-") as directory:
        rounds = asyncio.run(run(range(first, first + seeds), operations, Path(directory)))
    console.print(table(rounds))
    wrong = [f"seed {one.seed}: {problem}" for one in rounds for problem in one.problems]
    wrong += [f"seed {one.seed}: p99 {one.p99:.1f} s" for one in rounds if one.p99 > BOUND]
    for line in wrong:
        console.print(line, style="red", markup=False, highlight=False, soft_wrap=True)
    if wrong:
        raise typer.Exit(1)


def table(rounds: list[Round]) -> Table:
    shown = Table("seed", "one hot wallet", "outcomes", "asked again", "p99 s", "problems")
    for one in rounds:
        outcomes = ", ".join(f"{name} {count}" for name, count in sorted(one.outcomes.items()))
        cells = (one.seed, "yes" if one.hot else "no", outcomes, one.repeated, f"{one.p99:.2f}", len(one.problems))
        shown.add_row(*map(str, cells))
    return shown


if __name__ == "__main__":
    cli()
