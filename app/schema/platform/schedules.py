from datetime import datetime

import strawberry

from app import models
from app.core.jobs import CatchUp
from app.core.paging import Page, PageArgs
from app.schema.kit.context import Info
from app.schema.kit.fields import pages
from app.schema.platform.jobs import Job
from app.services.platform import schedules

strawberry.enum(CatchUp, description="What becomes of ticks that passed while no worker ran.")


@strawberry.type(description="Jobs that the clock causes.")
class Schedule:
    name: str
    cron: str = strawberry.field(description="Five fields, or six with seconds before them.")
    zone: str = strawberry.field(description="The time zone in which `cron` is read.")
    catch_up: CatchUp
    paused: bool
    last_tick: datetime | None = strawberry.field(description="The newest tick that was dealt with.")
    next_tick: datetime

    @pages(Job, models.Job, reads=("type",))
    async def runs(row: strawberry.Parent[schedules.ScheduleState], info: Info, page: PageArgs) -> Page[models.Job]:
        """Its runs, newest first; those that ended well are kept for a week."""
        return await schedules.runs(info.context.actor, row.type, page)

    @classmethod
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, schedules.ScheduleState)
