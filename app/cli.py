"""The command line: `atrium`."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from app.core import logs
from app.core.listening import PortInUse
from app.core.settings import Settings, SettingsError, settings

app = typer.Typer(
    help="Atrium: the backend of a platform on which organizations teach, sell and serve.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
out, err = Console(), Console(stderr=True)

Port = Annotated[int, typer.Option(envvar="PORT", min=1, max=65_535, help="Where the API listens.")]


@app.command()
def dev(
    port: Port = 8000,
    data_dir: Annotated[Path, typer.Option(envvar="DATA_DIR", help="Where the data are kept.")] = Path(".data"),
    fresh: Annotated[bool, typer.Option("--fresh", envvar="FRESH", help="Delete the kept data first.")] = False,
) -> None:
    """Run everything on this machine: MongoDB, Valkey, a mail box, the API and a worker.

    MONGODB_URI and REDIS_URL, when set, name servers to use instead of private ones.
    """
    from app.dev import children, data, embedded, supervisor

    expected = (data.DataDirectoryError, embedded.BinaryMissing, children.ChildFailed)
    with _failing_plainly(*expected):
        supervisor.run(port, data_dir, fresh=fresh, console=out)


@app.command()
def serve(
    host: Annotated[str, typer.Option(envvar="HOST", help="The address to listen on.")] = "127.0.0.1",
    port: Port = 8000,
) -> None:
    """Run the API. It waits for MongoDB and Redis, and stops in order on SIGTERM."""
    from app import main

    with _failing_plainly():
        main.serve(_logged(), host, port)


@app.command()
def worker() -> None:
    """Run a worker: the change log's sequencer and consumers, and jobs. Start as many as there is work for."""
    from app import worker as process

    with _failing_plainly():
        asyncio.run(process.run(_logged()))


@app.command()
def migrate() -> None:
    """Bring the database to this release: migrations, then indexes. Run it before the new release serves."""
    from app import startup
    from app.migrations.runner import MigrationsRun

    with _failing_plainly(MigrationsRun), _bar() as announce:
        count = asyncio.run(startup.migrate(settings(), announce))
    out.print(f"{count} migration{'' if count == 1 else 's'} ran." if count else "The database is up to date.")


@app.command()
def seed() -> None:
    """Store the demonstration's data: people, organizations, conversations. What is there already stays as it is."""
    from app import startup
    from app.core.errors import AppError
    from app.migrations.runner import MigrationsPending

    with _failing_plainly(AppError, MigrationsPending), _bar() as announce:
        asyncio.run(startup.seed(settings(), announce))
    out.print("The demonstration's data are stored.")


@app.command()
def schema(
    output: Annotated[Path, typer.Option(help="The file to write; - prints it.")] = Path("schema.graphql"),
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 1 when the file differs.")] = False,
) -> None:
    """Write the GraphQL schema."""
    from app.resolvers.roots import schema

    sdl = schema.as_str().rstrip() + "\n"
    if str(output) == "-":
        print(sdl, end="")
    elif not check:
        output.write_text(sdl)
        out.print(f"{output} is written.")
    elif not output.exists() or output.read_text() != sdl:
        _fail(f"{output} is not the schema that the code declares. Look at what changed, then run: atrium schema")


@app.command()
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

    with _failing_plainly():
        results = asyncio.run(report(settings()))
    for name, result in results.items():
        out.print(f"{name}: [green]ok[/green]" if result["ok"] else f"{name}: [red]{result['error']}[/red]")
    if not all(result["ok"] for result in results.values()):
        raise typer.Exit(1)


def main() -> None:
    app()


def _logged() -> Settings:
    """The settings, with logging set up as they say."""
    values = settings()
    logs.configure(values)
    return values


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on standard error, moved by calls with the step's name, how many are done, how many there are."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task("")
        yield lambda name, done, total: progress.update(task, description=name, completed=done, total=total)


@contextmanager
def _failing_plainly(*expected: type[Exception]) -> Iterator[None]:
    """Turn failures that a person can mend into a message and exit status 1, without a traceback."""
    mendable: tuple[type[Exception], ...] = (SettingsError, PortInUse, *expected)
    try:
        yield
    except mendable as error:
        _fail(str(error))
    except PyMongoError as error:
        _fail(f"MongoDB cannot be used; see MONGODB_URI. {logs.redact(str(error))[:300]}")
    except RedisError as error:
        _fail(f"Redis cannot be used; see REDIS_URL. {logs.redact(str(error))[:300]}")


def _fail(message: str) -> NoReturn:
    err.print(message, style="red", markup=False, highlight=False)
    raise typer.Exit(1)


if __name__ == "__main__":
    main()
