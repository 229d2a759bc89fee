"""`atrium staff`: who runs the platform."""

from typing import Annotated, Literal

import typer

from app.cli import tables
from app.cli.console import answer, fail, out
from app.core.actor import Actor

commands = typer.Typer(help="Say who may steer the platform, across all organizations.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The address of an account.")]


Role = Annotated[
    Literal["support", "finance", "security", "admin"],
    typer.Option(help="What they do; docs/permissions.md says what it allows."),
]


@commands.command()
def grant(email: Email, role: Role = "admin") -> None:
    """Put somebody on the staff, or give them another role there: they see and steer the platform as far as it goes."""
    _change(email, role)


@commands.command()
def revoke(email: Email) -> None:
    """Take somebody off the staff; what they have open ends at once."""
    _change(email, None)


@commands.command()
def recover(
    email: Email,
    reason: Annotated[str, typer.Option(help="How you know that it is they who ask. They are told.")],
) -> None:
    """Take the second factors off an account whose owner has lost them, and end its sessions."""
    from app.services.identity import staff

    if not reason.strip():
        fail("Say how you know that it is they who ask.")
    person = answer(lambda: staff.recover(Actor.platform(), email, reason))
    out.print(f"{person.name} <{person.email}> signs in with the password alone now.", markup=False, highlight=False)


@commands.command("list")
def list_() -> None:
    """Show who is on the staff."""
    from app.services.identity import staff

    people = answer(lambda: staff.members(Actor.platform()))
    rows = [(person.name, person.email, person.staff_role.value) for person in people]
    tables.show(("Name", "Address", "Role"), rows, empty="Nobody yet: atrium staff grant EMAIL")


def _change(email: str, role: Role | None) -> None:
    from app.models import StaffRole
    from app.services.identity import staff as service

    given = StaffRole(role) if role else None
    person, new = answer(lambda: service.change(Actor.platform(), email, given))
    words = {
        True: ("is on the staff already", "is on the staff now"),
        False: ("is not on the staff", "has left the staff"),
    }
    out.print(f"{person.name} <{person.email}> {words[bool(role)][new]}.", markup=False, highlight=False)
