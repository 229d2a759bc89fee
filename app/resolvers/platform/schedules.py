import strawberry

from app import models
from app.core.errors import NotFound
from app.schema.kit.audiences import staff
from app.schema.kit.context import Info
from app.schema.kit.fields import mutation, query
from app.schema.platform.jobs import Job
from app.schema.platform.schedules import Schedule
from app.services.platform import schedules
from app.services.platform.schedules import ScheduleState

READ = staff(models.Duty.OPERATIONS_READ)
CONTROL = staff(models.Duty.OPERATIONS_CONTROL)


@strawberry.type
class Query:
    @query(list[Schedule], READ)
    async def schedules(self, info: Info) -> list[ScheduleState]:
        """What the clock causes, by name."""
        return await schedules.states(info.context.actor)


@strawberry.type
class Mutation:
    @mutation(Schedule, CONTROL, fails=(NotFound,))
    async def pause_schedule(self, info: Info, input: schedules.ScheduleAction) -> ScheduleState:
        """Let a schedule cause nothing more."""
        return await schedules.pause(info.context.actor, input)

    @mutation(Schedule, CONTROL, fails=(NotFound,))
    async def resume_schedule(self, info: Info, input: schedules.ScheduleAction) -> ScheduleState:
        """Let a schedule go on; what it missed is made good as its `catchUp` says."""
        return await schedules.resume(info.context.actor, input)

    @mutation(Job, CONTROL, fails=(NotFound,))
    async def run_schedule(self, info: Info, input: schedules.ScheduleAction) -> models.Job:
        """Run a schedule's job now, besides its ticks."""
        return await schedules.run(info.context.actor, input)
