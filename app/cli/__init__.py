"""The command line: `atrium`. Each file holds the commands of one kind; this one names them."""

import typer

from app.cli import backups, checks, consumers, data, jobs, log, running, schedules, staff

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
    checks.check,
    backups.restore,
):
    app.command()(command)
app.add_typer(backups.commands, name="backup")
app.add_typer(consumers.commands, name="consumers")
app.add_typer(jobs.commands, name="jobs")
app.add_typer(log.commands, name="log")
app.add_typer(schedules.commands, name="schedules")
app.add_typer(staff.commands, name="staff")


def main() -> None:
    app()
