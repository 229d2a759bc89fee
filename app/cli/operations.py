"""`atrium operations`: the trusted operations, which clients name instead of sending their texts."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import manifests, tables
from app.cli.console import answer, fail, out
from app.cli.manifests import Entry, ManifestError
from app.core import changes, clock
from app.core.actor import Actor
from app.core.settings import settings

if TYPE_CHECKING:
    from app.models import TrustedOperation
    from app.services.platform.operations import NewOperation, Standing

commands = typer.Typer(help="See and steer the operations that clients name by an id.", no_args_is_help=True)

PLATFORM = Actor.platform()
SHORT = 12
"""Characters of an id that tables show; `forget` takes as many as tell it from others."""
MAX_RELEASE = 100

Files = Annotated[list[Path], typer.Argument(metavar="FILE", help="Manifests of Apollo's or Relay's.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")]
Release = Annotated[str | None, typer.Option("--release", help="A release of a client, such as web-1.4.")]


@commands.command()
def push(files: Files, release: Release = None, dry_run: DryRun = False, json: tables.Json = False) -> None:
    """Register the operations of manifests: all, or none if one is not valid here or its id names another text."""
    from app.migrations import runner
    from app.services.platform import operations
    from app.services.platform.operations import IdsTaken

    if release is not None and not 0 < len(release) <= MAX_RELEASE:
        raise typer.BadParameter(f"A release has 1 to {MAX_RELEASE} characters.", param_hint="--release")
    entries = _read(files)
    pushed = _checked(entries)

    async def work() -> "list[Standing]":
        await runner.init_documents()
        try:
            if dry_run:
                return (await changes.rehearse(lambda: operations.push(PLATFORM, pushed, release))).result
            standings = await operations.push(PLATFORM, pushed, release)
        except IdsTaken as error:
            taken = [f"{entry}: the id names another text already." for entry in entries if entry.id in error.ids]
            fail("\n".join([*taken, "Nothing was stored."]))
        for one in pushed:
            await operations.text_of(PLATFORM, one.id)  # which leaves a copy where servers look first
        return standings

    standings = answer(work)
    rows = [(one.id, one.name, one.kind, standing.value) for one, standing in zip(pushed, standings, strict=True)]
    if json:
        tables.json([dict(zip(("id", "name", "type", "standing"), row, strict=True)) for row in rows])
        return
    shown = [(id[:SHORT], kind, standing, name) for id, name, kind, standing in rows]
    tables.show(("ID", "Type", "Standing", "Operation"), shown, rest="Operation", empty="There are no operations.")
    new = standings.count(operations.Standing.NEW)
    done = "would be registered" if dry_run else "registered"
    out.print(f"{new:,} {done}, {len(rows) - new:,} known already.", highlight=False)


@commands.command("list")
def list_(release: Release = None, json: tables.Json = False) -> None:
    """Show the operations that are registered, by name."""
    from app.services.platform import operations

    found = answer(lambda: operations.registered(PLATFORM, release))
    if json:
        tables.json([{name: getattr(one, name) for name in one.columns() if name != "id"} for one in found])
    else:
        _show(found)


@commands.command()
def forget(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="Ids, or their beginnings.")] = None,
    release: Release = None,
    older_than: Annotated[
        int | None, typer.Option("--older-than", min=1, metavar="DAYS", help="Not pushed for so many days.")
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Forget operations: by their ids, those of no release but this one, or those that were not pushed for long.

    Servers run what they have known for a minute more.
    """
    from app.services.platform import operations

    if sum(map(bool, (ids, release, older_than))) != 1:
        raise typer.BadParameter("Give either ids, or --release, or --older-than.")

    async def meant() -> "list[TrustedOperation]":
        if ids:
            return await operations.forget(PLATFORM, ids)
        if release:
            return await operations.forget_release(PLATFORM, release)
        return await operations.forget_older(PLATFORM, clock.now() - timedelta(days=older_than or 0))

    async def work() -> "list[TrustedOperation]":
        return (await changes.rehearse(meant)).result if dry_run else await meant()

    found = answer(work)
    _show(found)
    if found:
        out.print(f"{len(found):,} {'would be forgotten' if dry_run else 'forgotten'}.", highlight=False)


def _read(files: Sequence[Path]) -> list[Entry]:
    """The operations of all the files, each id once. Ends the command when a file is no manifest, or an id has two."""
    found: dict[str, Entry] = {}
    for file in files:
        try:
            entries = manifests.read(file)
        except ManifestError as error:
            fail(str(error))
        for entry in entries:
            first = found.setdefault(entry.id, entry)
            if first.text != entry.text:
                fail(f"{entry}: {first} has the same id and another text.")
    return list(found.values())


def _checked(entries: Sequence[Entry]) -> "list[NewOperation]":
    """The operations, each of which this server would run. Ends the command with all that is wrong with others."""
    from app.api import doors
    from app.core.errors import Invalid
    from app.execution.operations import Refused
    from app.resolvers.roots import schema
    from app.services.platform import operations

    engine = doors.engine(schema, settings())
    good, bad = [], []
    for entry in entries:
        try:
            operations.check(entry.id, entry.text)
            operation = engine.prepare(entry.text, entry.name)
        except Invalid as error:
            bad.append(f"{entry}: {error}")
        except Refused as refused:
            bad.extend(f"{entry}: {error.message}" for error in refused.errors)
        else:
            good.append(operations.NewOperation(entry.id, entry.text, operation.name or "", operation.kind))
    if bad:
        fail("\n".join([*bad, "Nothing was stored."]))
    return good


def _show(found: "Sequence[TrustedOperation]") -> None:
    rows = [(one.key[:SHORT], one.kind, tables.age(one.pushed_at), ", ".join(one.releases), one.name) for one in found]
    columns = ("ID", "Type", "Pushed", "Releases", "Operation")
    tables.show(columns, rows, rest="Operation", empty="There are no such operations.")
