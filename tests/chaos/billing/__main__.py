"""Subscriptions through a year: `python -m tests.chaos.billing [--subscriptions N] [--seed S]`.

Exits with 1 when anything does not add up to the minor unit, or was not what a preview or a rehearsal had shown.
"""

import asyncio
import secrets
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from beanie import init_beanie
from rich.console import Console

from app.core import changes, database
from app.dev.children import free_port
from app.dev.embedded import EmbeddedMongo
from app.models import DOCUMENTS
from tests import conftest  # noqa: F401 - sets the environment that all tests have
from tests.chaos.billing.run import Year, run

cli = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@cli.command()
def main(
    subscriptions: Annotated[int, typer.Option(min=1, help="How many there are.")] = 10_000,
    seed: Annotated[int | None, typer.Option(help="A new one by default.")] = None,
    at_once: Annotated[int, typer.Option(min=1, help="How many sellers at a time.")] = 8,
) -> None:
    """Let random subscriptions be renewed, changed, paused, paid and paid back for a year."""
    chosen = secrets.randbelow(1_000_000) if seed is None else seed
    console, begun = Console(width=160), time.monotonic()
    console.print(f"Seed {chosen}")
    with tempfile.TemporaryDirectory(prefix="atrium-chaos-") as directory:
        year = asyncio.run(_run(Path(directory), subscriptions, chosen, at_once))
    shown = ", ".join(f"{name} {count:,}" for name, count in sorted(year.counts.items()))
    console.print(f"{shown}; {time.monotonic() - begun:,.0f} s")
    console.print("Refused: " + ", ".join(f"{code} {count:,}" for code, count in sorted(year.refusals.items())))
    for line in year.problems:
        console.print(line, style="red", markup=False, highlight=False, soft_wrap=True)
    if year.problems:
        raise typer.Exit(1)


async def _run(directory: Path, subscriptions: int, seed: int, at_once: int) -> Year:
    port = free_port()
    mongo = EmbeddedMongo(directory / "mongodb", port).start()
    try:
        database.connect(f"mongodb://127.0.0.1:{port}/?replicaSet=rs0&directConnection=true", "atrium_billing")
        # MongoDB's own default: with so many sellers at once on few processors, who is slow is not dead.
        await database.client().admin.command("setParameter", 1, transactionLifetimeLimitSeconds=60)
        await init_beanie(database.database(), document_models=DOCUMENTS)
        await changes.prepare()
        return await run(subscriptions, seed, at_once=at_once)
    finally:
        await database.close()
        mongo.stop()


if __name__ == "__main__":
    cli()
