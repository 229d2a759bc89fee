"""ID-10: who signs in with a new device is told."""

from app.core.actor import ANONYMOUS, Proof
from app.core.clock import now
from app.models import User
from app.services.identity import accounts, sessions
from app.services.identity.accounts import Registration
from app.services.identity.sessions import PLATFORM, Device
from tests.jobs.working import Worker

LAPTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
NEXT_RELEASE = LAPTOP.replace("144", "145")
PHONE = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36"
)


async def test_a_new_device_is_told_once_and_the_first_is_not_new(worker: Worker) -> None:
    await accounts.register(
        ANONYMOUS, Registration(email="grace@example.com", password="a long password", name="Grace")
    )
    user = await User.lookup(PLATFORM, email="grace@example.com")
    assert user
    for agent in (LAPTOP, NEXT_RELEASE, PHONE, PHONE, LAPTOP):
        await sessions.begin(user, Device(agent, "203.0.113.7"), Proof(1, now()))
        await worker.settled()
    told = [m for m in worker.office.to("grace@example.com") if m["Subject"] == "A new device has signed in"]
    assert len(told) == 1
    text = told[0].get_body(("plain",))
    assert text
    assert "Chrome on Android" in text.get_content()
    assert "203.0.113.7" in text.get_content()
