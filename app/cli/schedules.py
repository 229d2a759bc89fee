"""`atrium schedules`: what the clock causes."""

from typing import Annotated

import typer

from app.cli import tables
from app.cli.console import answer, out
from app.core.actor import Actor

commands = typer.Typer(help="See and steer what the clock causes.", no_args_is_help=True)

PLATFORM = Actor.platform()

Name = Annotated[str, typer.Argument(metavar="NAME", help="As in the list.")]


@commands.callback()
def declare() -> None:
    from app.jobs.roots import JOBS
    from app.services.platform import schedules

    schedules.declare(JOBS)


@commands.command("list")
def list_(json: tables.Json = False) -> None:
    """Show the schedules, with their last and next tick."""
    from app.services.platform import schedules

    found = answer(lambda: schedules.states(PLATFORM))
    if json:
        tables.json(found)
        return
    columns = ("Name", "Cron", "Zone", "Catch-up", "Last", "Next", "Paused")
    rows = [
        (
            one.name,
            one.cron,
            one.zone,
            one.catch_up.value,
            tables.age(one.last_tick),
            tables.age(one.next_tick),
            "paused" if one.paused else "",
        )
        for one in found
    ]
    tables.show(columns, rows, empty="There are no schedules.")


@commands.command()
def pause(name: Name) -> None:
    """Let a schedule cause nothing more."""
    from app.services.platform import schedules

    answer(lambda: schedules.pause(PLATFORM, schedules.ScheduleAction(name=name)))
    out.print(f"{name} is paused: atrium schedules resume {name}", highlight=False)


@commands.command()
def resume(name: Name) -> None:
    """Let a schedule go on; what it missed is made good as its catch-up says."""
    from app.services.platform import schedules

    state = answer(lambda: schedules.resume(PLATFORM, schedules.ScheduleAction(name=name)))
    out.print(f"{name} goes on, next {tables.age(state.next_tick)}.", highlight=False)


@commands.command()
def run(name: Name) -> None:
    """Run a schedule's job now, besides its ticks."""
    from app.services.platform import schedules

    job = answer(lambda: schedules.run(PLATFORM, schedules.ScheduleAction(name=name)))
    out.print(f"{name} will run now: atrium jobs show {job.id}", highlight=False)
