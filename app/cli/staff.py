"""`atrium staff`: who runs the platform."""

from typing import Annotated

import typer
from rich.table import Table

from app.cli.console import answer, out
from app.core.actor import Actor

commands = typer.Typer(help="Say who may steer the platform, across all organizations.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The address of an account.")]


@commands.command()
def grant(email: Email) -> None:
    """Put somebody on the staff: they see and steer the whole platform, its jobs, queues and schedules."""
    _change(email, staff=True)


@commands.command()
def revoke(email: Email) -> None:
    """Take somebody off the staff; what they have open ends at once."""
    _change(email, staff=False)


@commands.command("list")
def list_() -> None:
    """Show who is on the staff."""
    from app.services.identity import staff

    people = answer(lambda: staff.members(Actor.platform()))
    if not people:
        out.print("Nobody yet: atrium staff grant EMAIL")
        return
    table = Table("Name", "Address", box=None, pad_edge=False)
    for person in people:
        table.add_row(person.name, person.email)
    out.print(table)


def _change(email: str, *, staff: bool) -> None:
    from app.services.identity import staff as service

    person, new = answer(lambda: service.change(Actor.platform(), email, staff=staff))
    words = {
        True: ("is on the staff already", "is on the staff now"),
        False: ("is not on the staff", "has left the staff"),
    }
    out.print(f"{person.name} <{person.email}> {words[staff][new]}.", markup=False, highlight=False)
