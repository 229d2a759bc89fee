"""The long run: `python -m tests.chaos.mail [--emails 10000] [--per-minute N] [--seed S] [--pause N]`."""

import asyncio
import secrets
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tests import conftest  # noqa: F401 - sets the environment that all tests have
from tests.chaos.mail.run import Plan, run
from tests.chaos.mail.summary import summary

cli = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
console = Console(width=160, highlight=False, soft_wrap=True)


@cli.command()
def main(
    emails: Annotated[int, typer.Option(min=10)] = 10_000,
    per_minute: Annotated[int, typer.Option(min=1, help="The rate of the provider.")] = 2_400,
    seed: Annotated[int | None, typer.Option(help="A new one by default.")] = None,
    pause: Annotated[float, typer.Option(min=1, help="Seconds between two kills.")] = 20,
) -> None:
    """Send a campaign while workers are killed. Exits with 1 when an e-mail was lost, repeated or sent too fast."""
    plan = Plan(secrets.randbelow(1_000_000) if seed is None else seed, emails, per_minute, pause)
    with console.status("") as status, tempfile.TemporaryDirectory(prefix="atrium-chaos-") as directory:
        outcome = asyncio.run(run(plan, Path(directory), status.update))
    console.print(summary(outcome))
    for problem in outcome.problems:
        console.print(problem, style="red", markup=False)
    if outcome.problems:
        raise typer.Exit(1)


if __name__ == "__main__":
    cli()
