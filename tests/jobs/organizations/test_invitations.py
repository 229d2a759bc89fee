"""Invitations by e-mail, and their end."""

import re
from datetime import timedelta

from app.core import clock, database
from app.core.actor import Actor
from app.core.jobs import Job, Tick
from app.core.settings import settings
from app.jobs.organizations.invitations import expire_invitations
from app.models import Invitation, InvitationState, Role
from app.services.organizations import invitations, seats
from tests.factories.identity import make_user
from tests.factories.organizations import make_owner
from tests.jobs.working import Worker


async def test_the_token_of_the_email_is_accepted(worker: Worker) -> None:
    owner, guest = await make_owner("Olivia Owens"), await make_user("Guest")
    await invitations.invite(owner, invitations.Invite(email=guest.email, role=Role.ADMIN))
    await worker.settled()
    (mail,) = (m for m in worker.office.to(guest.email) if "invites" in m["Subject"])
    assert mail["Subject"] == "Olivia Owens invites you to Birch School"
    body = mail.get_body(("plain",))
    assert body
    text = body.get_content()
    token = re.search(r"Its token is (\S+)", text)
    assert token
    assert f"{settings().public_url}invitations/{token[1]}" in text
    place = await invitations.accept(Actor(user_id=guest.id), invitations.Acceptance(token=token[1]))
    assert (place.organization_id, place.role) == (owner.organization_id, Role.ADMIN)


async def test_an_invitation_that_was_taken_back_is_not_sent(idle: Worker) -> None:
    owner = await make_owner()
    invitation = await invitations.invite(owner, invitations.Invite(email="guest@example.com"))
    await invitations.revoke(owner, invitations.InvitationAction(invitation_id=invitation.id))
    idle.start()
    await idle.settled()
    assert idle.office.to("guest@example.com") == []


async def test_the_tick_ends_what_is_overdue_and_nothing_else(idle: Worker) -> None:
    owner = await make_owner()
    old, new = [
        await invitations.invite(owner, invitations.Invite(email=f"{name}@example.com")) for name in ("old", "new")
    ]
    ago = clock.now() - seats.VALID - timedelta(seconds=1)
    await database.collection("invitations").update_one({"_id": old.id}, {"$set": {"created_at": ago}})
    for _ in range(2):
        await expire_invitations.run(Job({}, Tick(clock.now())))
    states = {row.id: row.state for row in await Invitation.select(owner)}
    assert states == {old.id: InvitationState.EXPIRED, new.id: InvitationState.PENDING}
    idle.start()
    await idle.settled()
    ended = await database.collection("log").find({"t": "InvitationChanged.1"}).to_list()
    assert [row["d"]["invitation"] for row in ended] == [old.id]
