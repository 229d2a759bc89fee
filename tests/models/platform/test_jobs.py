import pytest

from app.core.actor import Actor
from app.core.clock import new_id
from app.core.errors import Forbidden
from app.models import Job


def test_only_staff_and_the_platform_find_jobs() -> None:
    for actor in (Actor(new_id(), new_id()), Actor(user_id=new_id()), Actor()):
        with pytest.raises(Forbidden):
            Job.within(actor, state="dead")
    for actor in (Actor(new_id(), new_id(), staff=True), Actor.platform()):
        assert Job.within(actor, state="dead") == {"state": "dead"}
