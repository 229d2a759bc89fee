"""`atrium backup` and `atrium restore`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from app.cli import tables
from app.cli.console import bar, fail, failing_plainly, out

T = TypeVar("T")
Announce = Callable[[str, int, int], Awaitable[None]]

commands = typer.Typer(help="Make a full backup now; or list, or verify, those there are.")


@commands.callback(invoke_without_command=True)
def backup(context: typer.Context) -> None:
    from app.core.backups.moments import readable
    from app.services.platform import backups

    if context.invoked_subcommand is None:
        made = _run(backups.create)
        size = f"{made.documents:,} documents in {len(made.parts)} collections, {_size(made.size)}"
        out.print(f"Backed up as of {readable(made.at)}: {size}.")


@commands.command("list")
def list_() -> None:
    """Show the full backups."""
    from app.core.backups.moments import readable
    from app.services.platform import backups

    found = _run(lambda announce: backups.every())
    rows = [(one.name, readable(one.at), len(one.parts), one.documents, _size(one.size)) for one in found]
    tables.show(("Name", "Taken", "#Collections", "#Documents", "#Stored"), rows, empty="None yet: atrium backup")


@commands.command()
def verify(
    drill: Annotated[bool, typer.Option("--drill", help="Also restore the newest into a scratch database.")] = False,
) -> None:
    """Read every backup back: decrypt, unpack, count. Exit with 1 when anything is wrong. Needs no database."""
    from app.core.backups.moments import readable
    from app.services.platform import backups

    found = _run(backups.verify)
    if found.wrong:
        fail("\n".join(found.wrong))
    reach = f" up to {readable(found.until)}" if found.until else ""
    out.print(f"{len(found.manifests)} full backups and {found.segments:,} segments{reach} are as they were written.")
    if drill:
        done = _run(backups.drill)
        out.print(
            f"Restored {done.restored.documents:,} documents and {done.restored.operations:,} operations in "
            f"{done.seconds:.0f} s: sound, {done.behind:.0f} s behind."
        )


def restore(
    at: Annotated[str | None, typer.Option(metavar="TIME", help="2030-01-31T14:05:09Z; else the latest.")] = None,
    database: Annotated[str | None, typer.Option(metavar="NAME", help="Restore beside the living database.")] = None,
    base: Annotated[
        str | None, typer.Option("--from", metavar="BACKUP", help="The full backup to begin with; else the newest.")
    ] = None,
) -> None:
    """Restore the database, into an empty one, as it was at a time."""
    from app.core.backups import BackupError
    from app.core.backups.moments import moment, readable
    from app.services.platform import backups

    with failing_plainly(BackupError):
        when = moment(at) if at else None
    done = _run(lambda announce: backups.restore(database, when, announce, base))
    out.print(
        f"{done.database} is restored as of {readable(done.until)}: {done.documents:,} documents, then "
        f"{done.operations:,} operations. Clients begin anew."
    )


def _run(work: Callable[[Announce], Awaitable[T]]) -> T:
    """What the work answers; MongoDB is spoken to if it asks for it, Redis never."""
    from app.core import database, queries
    from app.core.backups import BackupError
    from app.core.settings import settings

    async def run(show: Callable[[str, int, int], None]) -> T:
        async def announce(name: str, done: int, total: int) -> None:
            show(name, done, total)

        database.connect(settings().mongodb_uri, settings().mongodb_database)
        queries.configure(fast=settings().mongodb_fast_reads)
        try:
            return await work(announce)
        finally:
            await database.close()

    with failing_plainly(BackupError), bar() as show:
        return asyncio.run(run(show))


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
