"""`atrium migrate` and `seed`: what the database holds."""

import asyncio

from app.cli.console import bar, failing_plainly, out
from app.core.settings import settings


def migrate() -> None:
    """Bring the database to this release: migrations, then indexes. Run it before the new release serves."""
    from app import startup
    from app.core.backups import BackupError
    from app.migrations.runner import MigrationsRun

    with failing_plainly(BackupError, MigrationsRun), bar() as announce:
        count = asyncio.run(startup.migrate(settings(), announce))
    out.print(f"{count} migration{'' if count == 1 else 's'} ran." if count else "The database is up to date.")


def seed() -> None:
    """Store the demonstration's data: people, organizations, conversations. What is there already stays as it is."""
    from app import startup
    from app.core.errors import AppError
    from app.migrations.runner import MigrationsPending

    with failing_plainly(AppError, MigrationsPending), bar() as announce:
        asyncio.run(startup.seed(settings(), announce))
    out.print("The demonstration's data are stored.")
