"""`atrium billing`: whether what is kept of payments is what their providers have."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

import typer

from app.cli import tables
from app.cli.console import answer

commands = typer.Typer(help="Compare payments with their providers.", no_args_is_help=True)


@commands.callback()
def billing() -> None:
    """Payments, as their providers have them."""


@commands.command()
def sync(
    hours: Annotated[int, typer.Option(min=1, max=720, help="How far back what was told is looked through.")] = 72,
    json: tables.Json = False,
) -> None:
    """Compare with every provider that is set up, mend what differs, as is done hourly, and show how much it was.

    Workers look at what had never been told here.
    """
    from app.migrations import runner
    from app.services.billing.collecting import reconciliation

    async def work() -> Mapping[str, int]:
        await runner.init_documents()
        found = Counter[str]()
        for counts in (await reconciliation.reconcile_all(timedelta(hours=hours), timedelta(0))).values():
            found.update(counts)
        return found

    found = answer(work)
    if json:
        tables.json(dict(found))
        return
    rows = [(kind, f"{count:,}") for kind, count in found.items()]
    tables.show(("What", "#Differed"), rows, empty="Nothing was compared.")
