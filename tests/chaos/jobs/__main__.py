"""The long run: `python -m tests.chaos.jobs [--only NAME]... [--seeds N] [--seed S] [--orders N] [--seconds N]`.

R1 and R2 with several seeds, then R3 to R7, R9 and R10, all with the lease that workers really have.
"""

import asyncio
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.status import Status

from app.core.jobs import queue
from app.dev.children import ChildFailed
from app.dev.embedded import BinaryMissing
from tests import conftest  # noqa: F401 - sets the environment that all tests have
from tests.chaos.jobs.cases import CASES
from tests.chaos.jobs.run import Plan, Result, run
from tests.chaos.jobs.stage import staged
from tests.chaos.jobs.summary import late, table
from tests.faults.deployment import deployed

STORMS = {"R1": False, "R2": True}
"""Whether MongoDB's primary is struck, too."""

cli = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
console = Console(width=160, highlight=False, soft_wrap=True)


@cli.command()
def main(
    only: Annotated[list[str] | None, typer.Option(help=f"One or more of: {', '.join([*STORMS, *CASES])}.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many runs of R1, and of R2.")] = 5,
    seed: Annotated[int | None, typer.Option(help="The first; a new one by default.")] = None,
    orders: Annotated[int, typer.Option(min=50, help="In each of these runs; every order is three jobs.")] = 400,
    seconds: Annotated[float, typer.Option(min=5, help="How long faults go on in each of these runs.")] = 60,
) -> None:
    """Let everything beneath durable jobs die and come back. Exits with 1 when one was lost, repeated or late."""
    first = secrets.randbelow(1_000_000) if seed is None else seed
    chosen = only or [*STORMS, *CASES]
    plans = [
        Plan(number, orders, seconds, lease=queue.LEASE, elections=STORMS[name])
        for name in chosen
        if name in STORMS
        for number in range(first, first + seeds)
    ]
    console.print(f"Seeds from {first}")
    try:
        with console.status("") as status:
            wrong = _storms(plans, status) + asyncio.run(_cases([name for name in chosen if name in CASES], status))
    except (BinaryMissing, ChildFailed) as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None
    for line in wrong:
        console.print(line, style="red", markup=False)
    if wrong:
        raise typer.Exit(1)


def _storms(plans: Sequence[Plan], status: Status) -> list[str]:
    results: list[Result] = []
    for plan in plans:
        with tempfile.TemporaryDirectory(prefix="atrium-chaos-") as directory:
            results.append(asyncio.run(run(plan, Path(directory), status.update)))
        console.print(table(results[-1:]))
    return [f"seed {one.plan.seed}: {problem}" for one in results for problem in one.problems] + late(results)


async def _cases(names: Sequence[str], status: Status) -> list[str]:
    """Each on servers of its own."""
    wrong: list[str] = []
    for name in names:
        status.update(name)
        with tempfile.TemporaryDirectory(prefix="atrium-chaos-") as directory:
            async with deployed(Path(directory)) as deployment, staged(deployment, name, queue.LEASE) as stage:
                verdict = await CASES[name](stage)
        console.print(f"{name}: {verdict.shown}")
        wrong += [f"{name}: not {claim}" for claim in [*verdict.wrong, *verdict.late]]
    return wrong


if __name__ == "__main__":
    cli()
