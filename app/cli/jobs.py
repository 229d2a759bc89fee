"""`atrium jobs`: the durable jobs of all organizations."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeGuard

import typer

from app.cli import tables
from app.cli.console import answer, fail, out
from app.core.actor import Actor
from app.core.filters import Tree
from app.core.jobs import Queue, State
from app.core.logs import redact

if TYPE_CHECKING:
    from app.models import Job
    from app.services.platform.jobs import DeadJobs, JobAction

commands = typer.Typer(help="See and steer the jobs of all organizations.", no_args_is_help=True)

PLATFORM = Actor.platform()
SHORT = 10
"""Digits of an id that tables show; commands take as many as tell it from others."""

Id = Annotated[str, typer.Argument(metavar="ID", help="A job's id, or its beginning.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID", help="Jobs' ids, or their beginnings.")]
Chosen = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Jobs' ids, or their beginnings.")]
InQueue = Annotated[list[Queue] | None, typer.Option("--queue", help="Of this queue; may be repeated.")]
OfType = Annotated[str | None, typer.Option("--type", help="Whose type begins so, such as email_invitation.")]
All = Annotated[bool, typer.Option("--all", help="Every dead job, or those of a --type and --queue.")]


@commands.command("list")
def list_(
    states: Annotated[list[State] | None, typer.Option("--state", help="In this state; may be repeated.")] = None,
    queues: InQueue = None,
    type: OfType = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many at most.")] = 20,
    json: tables.Json = False,
) -> None:
    """Show jobs, the newest first."""
    from app.services.platform import jobs

    where = _filter(type, queues)
    if states:
        where = {**where, "state": {"in": [state.value for state in states]}}
    found = answer(lambda: jobs.latest(PLATFORM, limit, where))
    if json:
        tables.json([_plain(job) for job in found])
        return
    rows = [
        (
            str(job.id)[:SHORT],
            job.type,
            job.queue,
            job.state.value,
            tables.age(job.created_at),
            f"{job.attempt}/{job.attempts}",
            tables.line(job.last_error),
        )
        for job in found
    ]
    columns = ("ID", "Type", "Queue", "State", "Age", "#Tries", "Error")
    tables.show(columns, rows, rest="Error", empty="There are no such jobs.")


@commands.command()
def show(id: Id, json: tables.Json = False) -> None:
    """Show everything about a job."""
    from app.services.platform import jobs

    async def found() -> "Job":
        return await jobs.get(PLATFORM, await jobs.beginning(PLATFORM, id))

    job = answer(found)
    plain = _plain(job)
    if json:
        tables.json(plain)
        return
    event, progress = plain["event"], job.progress
    tables.details(
        {
            "Job": str(job.id),
            "Type": job.type,
            "State": job.state.value + (", to be cancelled" if job.cancel else ""),
            "Queue": f"{job.queue}, priority {plain['priority']}",
            "Organization": str(job.organization_id) if job.organization_id else None,
            "Tick": _moment(job.tick),
            "Event": f"{event['type']} {event['id']} by {event['actor']}" if event else None,
            "About": ", ".join(f"{name} {id}" for name, id in job.subjects.items()) or None,
            "Made": _moment(job.created_at),
            "Due": _moment(job.due),
            "Begun": _moment(job.started_at),
            "Ended": _moment(job.finished_at),
            "Tries": f"{job.attempt} of {job.attempts}",
            "Progress": f"{progress.done} of {progress.total or '?'} {progress.note}" if progress else None,
            "Result": str(plain["result"]) if job.result is not None else None,
            "Error": plain["last_error"],
        }
    )


@commands.command()
def retry(ids: Chosen = None, every: All = False, type: OfType = None, queues: InQueue = None) -> None:
    """Let jobs that failed or were cancelled run again now."""
    from app.services.platform import jobs

    if _given(ids, every, type, queues):
        _each("will run again", jobs.retry, ids)
    else:
        _all("will run again", jobs.retry_dead, _filter(type, queues))


@commands.command()
def drop(ids: Chosen = None, every: All = False, type: OfType = None, queues: InQueue = None) -> None:
    """Give up dead jobs. They are kept for a week, in which they can be retried."""
    from app.services.platform import jobs

    if _given(ids, every, type, queues):
        _each("dropped", jobs.drop, ids)
    else:
        _all("dropped", jobs.drop_dead, _filter(type, queues))


@commands.command()
def cancel(ids: Ids) -> None:
    """Stop jobs: at once those that wait, within seconds those that run."""
    from app.services.platform import jobs

    _each("cancelled", jobs.cancel, ids)


@commands.command()
def counts(json: tables.Json = False) -> None:
    """Show how many jobs are in each queue."""
    from app.services.platform import queues

    found = answer(lambda: queues.states(PLATFORM))
    if json:
        tables.json(found)
        return
    columns = ("Queue", "#Waiting", "#Ready", "#Running", "#Retry", "#Dead", "#Oldest ready", "Paused")
    rows = [
        (
            one.queue.value,
            one.counts.waiting,
            one.counts.ready,
            one.counts.running,
            one.counts.retry,
            one.counts.dead,
            tables.age(one.oldest_ready_at),
            "paused" if one.paused else "",
        )
        for one in found
    ]
    tables.show(columns, rows, empty="There are no queues.")


@commands.command()
def pause(queue: Queue) -> None:
    """Let no more jobs of a queue begin; those that run go on."""
    from app.services.platform import queues

    answer(lambda: queues.pause(PLATFORM, queues.QueueAction(queue=queue)))
    out.print(f"{queue.value} is paused: atrium jobs resume {queue.value}")


@commands.command()
def resume(queue: Queue) -> None:
    """Let jobs of a queue begin again."""
    from app.services.platform import queues

    answer(lambda: queues.resume(PLATFORM, queues.QueueAction(queue=queue)))
    out.print(f"{queue.value} goes on.")


def _given(ids: list[str] | None, every: bool, type: str | None, queues: list[Queue] | None) -> TypeGuard[list[str]]:
    """Whether jobs are named one by one. Raises BadParameter when it is not clear which are meant."""
    if bool(ids) == every or (ids and (type or queues)):
        raise typer.BadParameter("Give ids, or --all, with a --type or --queue if you like.")
    return not every


def _each(done: str, act: "Callable[[Actor, JobAction], Awaitable[Job]]", ids: list[str]) -> None:
    """Do it to jobs one by one, and say what became of each; the status is 1 when one was refused."""
    from app.core.errors import AppError
    from app.services.platform import jobs

    async def work() -> list[str]:
        refused = []
        for id in ids:
            try:
                job = await act(PLATFORM, jobs.JobAction(job_id=await jobs.beginning(PLATFORM, id)))
            except AppError as error:
                refused.append(f"{id}: {error}")
            else:
                became = "is being stopped" if job.cancel else done
                out.print(f"{str(job.id)[:SHORT]} {job.type} {became}.", markup=False, highlight=False)
        return refused

    if refused := answer(work):
        fail("\n".join(refused))


def _all(done: str, act: "Callable[[Actor, Tree, datetime | None], Awaitable[DeadJobs]]", where: Tree) -> None:
    """Do it to all dead jobs that match; to those that die while it is done, no second time."""

    async def work() -> int:
        step = await act(PLATFORM, where, None)
        count = step.count
        while step.more:
            step = await act(PLATFORM, where, step.until)
            count += step.count
        return count

    count = answer(work)
    out.print(f"{count:,} dead job{'' if count == 1 else 's'} {done}.", highlight=False)


def _filter(type: str | None, queues: list[Queue] | None) -> Tree:
    return {
        **({"type": {"starts_with": type}} if type else {}),
        **({"queue": {"in": [queue.value for queue in queues]}} if queues else {}),
    }


def _plain(job: "Job") -> dict[str, Any]:
    """A job as the API shows it: of its event what it was and what it is about, never what it said."""
    columns = {name: getattr(job, name) for name in job.columns() if name not in ("event", "key")}
    event = job.event and {"id": job.event["e"], "type": job.event["t"], "actor": job.event["a"], **job.subjects}
    columns["priority"] = job.priority.name.lower()
    return {**columns, "event": event, "result": redact(job.result), "last_error": redact(job.last_error)}


def _moment(at: Any) -> str | None:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC ({tables.age(at)})" if at else None
