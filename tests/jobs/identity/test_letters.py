"""Letters about accounts go to who they concern, and to nobody when there is nothing to say any more."""

from app.core import changes
from app.core.actor import ANONYMOUS, Actor
from app.core.clock import new_id
from app.models import User
from app.models.identity.events import EmailVerificationAsked, PasswordChanged
from app.services.identity import addresses, credentials
from app.services.identity.addresses import NewEmail
from app.services.identity.credentials import ForgottenPassword
from tests.factories.identity import make_user
from tests.jobs.working import Worker


async def test_a_wish_for_another_password_sends_one_letter_and_none_where_there_is_no_account(worker: Worker) -> None:
    user = await make_user(password="a long password")
    for email in (user.email, "nobody@example.com"):
        await credentials.forget(ForgottenPassword(email=email), "")
    await worker.settled()
    assert [m["To"] for m in worker.office.messages if m["Subject"] == "Choose a new password"] == [
        f"Ada Lovelace <{user.email}>"
    ]


async def test_a_change_that_was_asked_for_again_sends_no_letter_of_the_first(idle: Worker) -> None:
    user = await make_user(password="a long password")
    for email in ("first@example.com", "second@example.com"):
        await addresses.change(Actor(user_id=user.id), NewEmail(email=email))
    idle.start()
    await idle.settled()
    assert idle.office.to("first@example.com") == []
    assert [m["Subject"] for m in idle.office.to("second@example.com")] == ["Confirm your new address"]


async def test_who_has_verified_meanwhile_or_is_gone_gets_no_letter(worker: Worker) -> None:
    user = await make_user()
    await addresses.proved(user.id, user.email)
    for id in (user.id, new_id()):
        await _tell(EmailVerificationAsked(ANONYMOUS, user=id))
    await _tell(PasswordChanged(ANONYMOUS, user=new_id()))
    await worker.settled()
    assert [m["Subject"] for m in worker.office.messages] == ["Welcome to Atrium"]
    assert (await User.require(Actor.platform(), user.id)).email_verified_at


@changes.atomic
async def _tell(event: changes.Event) -> None:
    changes.emit(event)
