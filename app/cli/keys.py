"""`atrium keys`: what signs access tokens."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import tables
from app.cli.console import answer, out
from app.core.actor import Actor
from app.core.clock import now

if TYPE_CHECKING:
    from app.models import SigningKey

commands = typer.Typer(help="See and change the keys that sign access tokens.", no_args_is_help=True)

Revoke = Annotated[
    bool,
    typer.Option("--revoke", help="Believe no other key from now on: for when one may be known to others."),
]


@commands.command()
def rotate(revoke: Revoke = False) -> None:
    """Let another key sign, ten minutes from now; tokens that were signed by the others are good until they end."""
    from app.migrations import runner
    from app.services.identity import signing_keys

    async def work() -> "SigningKey":
        await runner.init_documents()
        return await signing_keys.rotate(Actor.platform(), revoke=revoke)

    key = answer(work)
    others = "no other is believed any more" if revoke else "tokens of the others are good until they end"
    out.print(f"{key.id} signs from {key.signs_at:%H:%M:%S} UTC on; {others}.", highlight=False)


@commands.command("list")
def list_() -> None:
    """Show the keys and what each of them does."""
    from app.services.identity import signing_keys

    keys = answer(lambda: signing_keys.stored(Actor.platform()))
    moment = now()
    rows = [
        (
            str(key.id),
            f"{key.signs_at:%Y-%m-%d %H:%M}",
            "-" if key.ends_at is None else f"{key.ends_at:%Y-%m-%d %H:%M}",
            "over" if key.ends_at and key.ends_at <= moment else "waits" if key.signs_at > moment else "believed",
        )
        for key in keys
    ]
    tables.show(("Key", "Signs from", "Believed until", "State"), rows, empty="None yet: the first sign-in makes it.")
