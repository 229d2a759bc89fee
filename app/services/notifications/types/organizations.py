"""Who is told of what becomes of places in organizations: invitations, offers of ownership, affiliations."""

from collections.abc import Sequence
from datetime import timedelta

from bson import ObjectId

from app.core.actor import Actor
from app.core.changes import Change
from app.core.words import sentence, words
from app.models import (
    AffiliationState,
    Channel,
    Invitation,
    InvitationState,
    Notification,
    NotificationKind,
    Organization,
    User,
)
from app.models.organizations.events import AffiliationMoved, MemberInvited, OwnershipOffered
from app.services.identity import sessions
from app.services.notifications.types.declaration import Escalation, Notice, NotificationType, Told
from app.services.organizations import members

PLATFORM = Actor.platform()
PENDING = InvitationState.PENDING
SOMEBODY = words("Somebody")
SAID = {
    AffiliationState.ACTIVE: sentence("You sell for {organization} now."),
    AffiliationState.REJECTED: sentence("{organization} has rejected your request to sell for it."),
    AffiliationState.SUSPENDED: sentence("{organization} has suspended your affiliation."),
    AffiliationState.ENDED: sentence("Your affiliation with {organization} has ended."),
}


async def _invited(told: Sequence[Told[MemberInvited]]) -> list[Notice]:
    """Who has an account and works in some organization; all others have the e-mail only."""
    made = []
    for one in told:
        inside = Actor.platform(one.change.organization_id)
        invitation = await Invitation.lookup(inside, _id=one.event.invitation, state=PENDING.value)
        person = await User.lookup(PLATFORM, email=invitation.email) if invitation else None
        place = await sessions.place_of(person) if person else None
        if invitation is None or person is None or place is None:
            continue
        organization = await Organization.require(PLATFORM, invitation.organization_id)
        inviter = await User.lookup(PLATFORM, _id=invitation.invited_by_id)
        made.append(
            Notice(
                one.change,
                person.id,
                place.organization_id,
                words(
                    "{person} invites you to join {organization}.",
                    person=inviter.name if inviter else SOMEBODY,
                    organization=organization.name,
                ),
                actor_id=invitation.invited_by_id,
                invitation_id=invitation.id,
            )
        )
    return made


async def _offered(told: Sequence[Told[OwnershipOffered]]) -> list[Notice]:
    made = []
    for one in told:
        organization, owner = await _organization(one.change), await User.lookup(PLATFORM, _id=one.event.by)
        if organization is not None:
            text = words(
                "{person} offers you the ownership of {organization}.",
                person=owner.name if owner else SOMEBODY,
                organization=organization.name,
            )
            made.append(Notice(one.change, one.event.user, organization.id, text, one.event.by))
    return made


async def _affiliated(told: Sequence[Told[AffiliationMoved]]) -> list[Notice]:
    """The person is told what was decided, and the owners that somebody asks."""
    made: list[Notice] = []
    for one in told:
        organization, person = await _organization(one.change), await User.lookup(PLATFORM, _id=one.event.user)
        if organization is None or person is None:
            continue
        if one.event.state == AffiliationState.REQUESTED:
            text = words(
                "{person} asks to sell for {organization}.", person=person.name, organization=organization.name
            )
            owners = await members.owners(Actor.platform(organization.id))
            made += [Notice(one.change, owner.id, organization.id, text, person.id) for owner in owners]
        elif place := await sessions.place_of(person):  # who works nowhere yet is told by `myAffiliations`
            text = SAID[AffiliationState(one.event.state)](organization=organization.name)
            made.append(Notice(one.change, person.id, place.organization_id, text))
    return made


async def _organization(change: Change) -> Organization | None:
    return await Organization.lookup(PLATFORM, _id=change.organization_id) if change.organization_id else None


async def _pending(actor: Actor, rows: Sequence[Notification]) -> set[ObjectId]:
    """Those whose invitations can be accepted: they are to other organizations than the reader's."""
    ids = {row.invitation_id: row.id for row in rows}
    found = await Invitation.by_ids(PLATFORM, ids)
    return {id for invitation, id in ids.items() if (one := found.get(invitation)) and one.state is PENDING}


INVITATION = NotificationType(NotificationKind.INVITATION, MemberInvited, _invited, stands=_pending)
OWNERSHIP = NotificationType(
    NotificationKind.OWNERSHIP,
    OwnershipOffered,
    _offered,
    escalations=[Escalation(timedelta(days=1), Channel.EMAIL)],
)
AFFILIATION = NotificationType(NotificationKind.AFFILIATION, AffiliationMoved, _affiliated)
