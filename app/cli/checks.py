"""`atrium schema` and `check`: whether everything is as it should be."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import failing_plainly, keep, out
from app.core.settings import Settings, settings


def schema(
    output: Annotated[Path, typer.Option(help="The file to write; - prints it.")] = Path("schema.graphql"),
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 1 when the file differs.")] = False,
) -> None:
    """Write the GraphQL schema."""
    from app.resolvers.roots import schema

    wrong = "is not the schema that the code declares. Look at what changed, then run: atrium schema"
    keep(output, schema.as_str().rstrip() + "\n", wrong, check=check)


def check() -> None:
    """Validate the settings and reach the servers; exit with 1 when something is wrong."""
    from app import startup
    from app.api.health import Health
    from app.migrations import runner

    async def report(settings: Settings) -> dict[str, dict[str, object]]:
        startup.connect(settings)
        try:
            return await Health(dict([*startup.servers(settings), ("migrations", runner.check)])).report()
        finally:
            await startup.close()

    with failing_plainly():
        results = asyncio.run(report(settings()))
    for name, result in results.items():
        out.print(f"{name}: [green]ok[/green]" if result["ok"] else f"{name}: [red]{result['error']}[/red]")
    if not all(result["ok"] for result in results.values()):
        raise typer.Exit(1)
