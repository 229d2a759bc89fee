"""Seeds a database with demonstration data."""

from collections.abc import Callable

from app.core.errors import Forbidden
from app.core.settings import Environment, settings
from app.seeds import conversations, organizations
from app.seeds.people import DEMO, RIVERSIDE
from app.seeds.scripts import scripts

Progress = Callable[[str, int, int], None]
"""Told before each step: its name, how many are done, how many there are."""


class SeedsRefused(Forbidden):
    """Everybody knows the password of the demonstration's people."""


async def seed(progress: Progress) -> None:
    """Store two organizations, a dozen people and weeks of their conversations; what is there already stays as it is.

    Raises SeedsRefused in production, Conflict when the database holds something else of the same name. A run that was
    broken off can be run again.
    """
    if settings().atrium_env is Environment.PRODUCTION:
        raise SeedsRefused("The demonstration's passwords are known to everybody: it has no place in production.")
    plays = [(place, script) for place in (DEMO, RIVERSIDE) for script in scripts(place.slug)]
    steps = len(plays) + 2
    progress("People", 0, steps)
    anchor = await organizations.found()
    if not await organizations.has_invitation(anchor):
        for index, (place, script) in enumerate(plays, 1):
            progress(script.title or "Direct messages", index, steps)
            await conversations.store(script, place, anchor)
        progress("Invitation", steps - 1, steps)
        await organizations.invite(anchor)  # the last step: it says that all others are done
    progress("Done", steps, steps)
