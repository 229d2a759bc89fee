"""The command line: `atrium`. Each file holds the commands of one kind; this one names them."""

import gc

import typer

from app.cli import (
    audit,
    backups,
    billing,
    checks,
    consumers,
    data,
    encryption,
    jobs,
    keys,
    ledger,
    log,
    operations,
    permissions,
    running,
    schedules,
    staff,
)

app = typer.Typer(
    help="Atrium: the backend of a platform on which organizations teach, sell and serve.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for command in (
    running.dev,
    running.serve,
    running.worker,
    data.migrate,
    data.seed,
    checks.schema,
    permissions.permissions,
    checks.check,
    backups.restore,
):
    app.command()(command)
app.add_typer(audit.commands, name="audit")
app.add_typer(backups.commands, name="backup")
app.add_typer(billing.commands, name="billing")
app.add_typer(consumers.commands, name="consumers")
app.add_typer(encryption.commands, name="encryption")
app.add_typer(jobs.commands, name="jobs")
app.add_typer(keys.commands, name="keys")
app.add_typer(ledger.commands, name="ledger")
app.add_typer(log.commands, name="log")
app.add_typer(operations.commands, name="operations")
app.add_typer(schedules.commands, name="schedules")
app.add_typer(staff.commands, name="staff")


def main() -> None:
    gc.set_threshold(50_000)  # an import makes a million objects that stay: passes over them took a fifth of it
    app()
