"""`atrium ledger`: whether the books add up."""

from typing import Annotated

import typer

from app.cli import tables
from app.cli.console import fail, found, out

commands = typer.Typer(help="Verify the ledger.", no_args_is_help=True)


@commands.command()
def verify(
    organization: Annotated[str | None, typer.Option(metavar="ID", help="Only this organization's book.")] = None,
    json: tables.Json = False,
) -> None:
    """Make every account again from its transfers, every invoice from its items, and compare.

    Exit with 1 when anything is wrong.
    """
    from app.services.ledger import verification

    verdict = found(verification.verify, organization)
    if json:
        tables.json(verdict)
    if verdict.wrong:
        fail("DOES NOT ADD UP\n" + "\n".join(verdict.wrong))
    if not json:
        out.print(f"Books that add up: {verdict.books:,} of {verdict.books:,}.", highlight=False)
