"""`atrium consumers`: the durable readers of the change log."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import tables
from app.cli.console import answer, out
from app.core.actor import Actor
from app.core.changes.operations import ConsumerFigures

if TYPE_CHECKING:
    from app.services.platform.consumers import LogState

commands = typer.Typer(help="See and steer the durable readers of the change log.", no_args_is_help=True)

PLATFORM = Actor.platform()

Name = Annotated[str, typer.Argument(metavar="NAME", help="As in the list.")]


@commands.command("list")
def list_(json: tables.Json = False) -> None:
    """Show the log, its readers, and how far each of them is."""
    from app.services.platform import consumers

    async def found() -> "tuple[LogState, list[ConsumerFigures]]":
        return await consumers.log(PLATFORM), await consumers.states(PLATFORM)

    log, readers = answer(found)
    if json:
        tables.json({"log": log, "consumers": readers})
        return
    sequencer = f"numbered by {log.owner}" if log.owner else "numbered by nobody: start a worker"
    out.print(f"The log holds {log.rows:,} changes up to {log.head:,}, {sequencer}.\n", highlight=False)
    columns = ("Name", "#Position", "#Behind", "#By", "#Restarts", "State", "Error")
    rows = [
        (
            one.name,
            one.position,
            one.lag,
            tables.span(timedelta(seconds=one.lag_seconds)) if one.lag else "",
            one.restarts,
            _state(one),
            tables.line(one.last_error) if one.failing or one.paused_at else "",
        )
        for one in readers
    ]
    tables.show(columns, rows, rest="Error", empty="No consumer ever ran: start a worker.")
    if log.unread_events:
        count = f"{log.unread_events:,} event{'' if log.unread_events == 1 else 's'}"
        since = f"the first came {tables.age(log.unread_since)} ago"
        out.print(f"\nNo worker can read {count}, {since}: start one of the release that told them.", highlight=False)


@commands.command()
def pause(name: Name) -> None:
    """Stop a reader, wherever it runs, within seconds."""
    from app.services.platform import consumers

    answer(lambda: consumers.pause(PLATFORM, consumers.ConsumerAction(name=name)))
    out.print(f"{name} is paused: atrium consumers resume {name}", highlight=False)


@commands.command()
def resume(
    name: Name,
    skip: Annotated[bool, typer.Option("--skip", help="Leave out what was trimmed while it stood still.")] = False,
) -> None:
    """Let a reader go on from where it stood."""
    from app.services.platform import consumers

    answer(lambda: consumers.resume(PLATFORM, consumers.ConsumerResumption(name=name, skip=skip)))
    out.print(f"{name} goes on.", highlight=False)


@commands.command()
def forget(name: Name) -> None:
    """Delete what is kept of a reader that is no more, so that the log waits for it no longer."""
    from app.services.platform import consumers

    answer(lambda: consumers.forget(PLATFORM, consumers.ConsumerAction(name=name)))
    out.print(f"{name} is forgotten.", highlight=False)


def _state(one: ConsumerFigures) -> str:
    if one.paused_at:
        return "paused"
    if one.failing:
        return "failing"
    return "runs" if one.owner else "nowhere"
