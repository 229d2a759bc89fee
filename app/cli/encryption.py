"""`atrium encryption`: the keys under which personal data lie."""

import typer

from app.cli.console import answer, bar, out

commands = typer.Typer(help="See to the keys under which personal data lie.", no_args_is_help=True)


@commands.command()
def rewrap() -> None:
    """Wrap the data keys of people and organizations by the newest of MASTER_KEY. What they seal stays as it is."""
    from app.core import keyring

    with bar() as show:

        async def announce(name: str, done: int, total: int) -> None:
            show(name, done, total)

        count = answer(lambda: keyring.rewrap(announce))
    out.print(f"{count:,} data keys were wrapped anew." if count else "Every data key is wrapped by the newest key.")
