"""`atrium log archive`: what was trimmed from the change log."""

import asyncio
from typing import Annotated

import typer

from app.cli import tables
from app.cli.console import failing_plainly, out

commands = typer.Typer(help="Read what was trimmed from the change log.", no_args_is_help=True)
archive = typer.Typer(help="Read the archive that ARCHIVE_URL names.", no_args_is_help=True)
commands.add_typer(archive, name="archive")


@archive.command("list")
def list_() -> None:
    """Show the stretches that are kept, and exit with 1 when there is a hole between them. Needs no database."""
    from app.core.backups.errors import BackupError
    from app.services.platform import archives

    with failing_plainly(BackupError):
        held = asyncio.run(archives.stretches())
    rows = [(str(one.first), str(one.last), one.last - one.first + 1, str(one.epoch)) for one in held]
    tables.show(("#First", "#Last", "#Rows", "#Epoch"), rows, empty="Nothing was archived yet.")
    holes = archives.missing(held)
    for first, last in holes:
        out.print(f"Missing: {first} to {last}", style="red")
    if holes:
        raise typer.Exit(1)


@archive.command()
def read(
    first: Annotated[int, typer.Option("--from", min=1, help="The first position.")],
    last: Annotated[int, typer.Option("--to", min=1, help="The last position.")],
) -> None:
    """Print rows as lines of JSON, by position. Needs no database."""
    from app.core.backups.errors import BackupError
    from app.core.errors import AppError
    from app.services.platform import archives

    async def show() -> None:
        async for line in archives.read(first, last):
            print(line)

    with failing_plainly(BackupError, AppError):
        asyncio.run(show())
