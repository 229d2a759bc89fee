"""What happens to an account, told by e-mail."""

from app.core.actor import ANONYMOUS
from app.services.identity import accounts
from app.services.identity.accounts import Registration
from tests.jobs.working import Worker


async def test_a_registration_is_welcomed_and_a_repeated_one_told_to_the_owner_once_a_day(worker: Worker) -> None:
    for name in ("Ada", "Mallory", "Mallory"):
        given = Registration(email="ada@example.com", password="a long password", name=name)
        await accounts.register(ANONYMOUS, given)
        await worker.settled()
    sent = [(m["To"], m["Subject"]) for m in worker.office.messages]
    assert sent == [
        ("Ada <ada@example.com>", "Welcome to Atrium"),
        ("Ada <ada@example.com>", "You have an account already"),
    ]
