"""The e-mails that Atrium sends, each because of an event."""

from datetime import datetime, timedelta
from typing import Any

from babel.dates import format_date, format_datetime, format_timedelta

from app.core import changes
from app.core.actor import Actor
from app.core.changes import Event
from app.core.clock import now
from app.core.keyring import revealed
from app.core.settings import settings
from app.core.words import said, words
from app.models import (
    AffiliationState,
    Channel,
    Conversation,
    Credential,
    CustomRole,
    DeliveryPriority,
    Invitation,
    InvitationState,
    Organization,
    Permission,
    Session,
    User,
    WebhookEndpoint,
)
from app.models.identity.events import (
    EmailChangeAsked,
    EmailVerificationAsked,
    PasswordChanged,
    PasswordResetAsked,
    RegistrationRepeated,
    SecondFactorsReset,
    SessionStarted,
    UserRegistered,
)
from app.models.messaging.events import AbsenceHeld, ParticipantNoted
from app.models.organizations.events import AffiliationMoved, DeletionNews, MemberInvited, OwnerNoticeDue
from app.models.webhooks.events import WebhookTroubled
from app.services.identity import addresses, credentials, devices, tokens
from app.services.messaging import absences
from app.services.notifications import attention, deliveries
from app.services.notifications.decisions import by
from app.services.notifications.deliveries import Wanted
from app.services.notifications.letters import language, preview
from app.services.notifications.types.messages import UNREAD_MESSAGES
from app.services.notifications.types.webhooks import host_of
from app.services.organizations import members
from app.services.organizations.seats import VALID

MAX_QUOTES = 5
MAX_QUOTE = 280
"""Characters of a message that an e-mail quotes."""
PLATFORM = Actor.platform()
URGENT = DeliveryPriority.URGENT


async def welcome(event: UserRegistered) -> None:
    """To who made an account."""
    user = await User.lookup(PLATFORM, _id=event.user)
    if user is not None and user.email_verified_at is not None:  # whoever signed them in has said so
        await to_person(user, event, "welcome", link=_link(), lifetime=None)
    elif user is not None:
        link, lifetime = _link(f"verify-email/{await addresses.verification(user)}"), _lasting(user, addresses.LIFETIME)
        await to_person(user, event, "welcome", priority=URGENT, link=link, lifetime=lifetime)


async def verification(event: EmailVerificationAsked) -> None:
    """To an address that its owner has yet to verify."""
    user = await User.lookup(PLATFORM, _id=event.user, email_verified_at=None)
    if user is not None:
        link, lifetime = _link(f"verify-email/{await addresses.verification(user)}"), _lasting(user, addresses.LIFETIME)
        await to_person(user, event, "verify_email", priority=URGENT, link=link, lifetime=lifetime)


async def email_change(event: EmailChangeAsked, *, new: bool) -> None:
    """To the address that somebody wants to have, or to the one they have, so that it confirms the change."""
    user, asked = await User.lookup(PLATFORM, _id=event.user), await addresses.asked(event.user, event.change)
    if user is None or asked is None:
        return
    change: dict[str, Any] = {"wanted": asked.email, "email": user.email}
    if new and await User.lookup(PLATFORM, email=asked.email) is not None:
        await _send(event, "address_taken", asked.email, user.locale, link=_link())
    elif not new and asked.by_old:
        await to_person(user, event, "email_changing", link=_link(), **change)
    else:
        link = _link(f"confirm-email/{await addresses.confirmation(user.id, asked, new=new)}")
        variables: dict[str, Any] = {**change, "link": link, "lifetime": _lasting(user, addresses.LIFETIME)}
        if new:
            await _send(event, "confirm_email", asked.email, user.locale, user=user, priority=URGENT, **variables)
        else:
            await to_person(user, event, "confirm_email", priority=URGENT, **variables)


async def password_reset(event: PasswordResetAsked) -> None:
    """To who wants to choose a new password, if there is such an account."""
    user = await User.lookup(PLATFORM, _id=event.user) if event.user else None
    if user is not None:
        link = _link(f"reset-password/{await credentials.resetting(user)}")
        lifetime = _lasting(user, credentials.LIFETIME)
        await to_person(user, event, "reset_password", priority=URGENT, link=link, lifetime=lifetime)


async def password_changed(event: PasswordChanged) -> None:
    """To the owner of an account, when its password is another."""
    user = await User.lookup(PLATFORM, _id=event.user)
    if user is not None:
        await to_person(user, event, "password_changed", link=_link("forgot-password"))


async def factors_reset(event: SecondFactorsReset) -> None:
    """To who had lost their second factors, when staff has taken them away."""
    user, credential = await User.lookup(PLATFORM, _id=event.user), await Credential.lookup(PLATFORM, _id=event.user)
    if user is not None and credential is not None and credential.factor_reset is not None:
        link, reason = _link("forgot-password"), credential.factor_reset.reason
        await to_person(user, event, "factors_reset", link=link, reason=reason)


async def account_exists(event: RegistrationRepeated) -> None:
    """To the owner of an address with which somebody, perhaps they themselves, tried to register again."""
    user = await User.lookup(PLATFORM, _id=event.user)
    if user is not None:
        await to_person(user, event, "account_exists", link=_link())


async def new_device(event: SessionStarted) -> None:
    """To who has signed in with a device that they have not signed in with lately, unless it is their first."""
    user = await User.lookup(PLATFORM, _id=event.user)
    session = await Session.lookup(PLATFORM, _id=event.session)
    if user is None or session is None or not await devices.is_new(session):
        return
    address = await revealed(session.address)
    place, device = devices.place(address), devices.name(await revealed(session.agent))
    moment = format_datetime(session.created_at, "d MMMM y, HH:mm 'UTC'", locale=language(user.locale))
    where = f"{place} ({address})" if place else address
    await to_person(user, event, "new_device", link=_link(), device=device, moment=moment, place=where)


async def invitation(event: MemberInvited) -> None:
    """To an address to which a place is offered, with the token to take it; not when the offer is gone."""
    inside = Actor.platform(event.actor.organization_id)
    found = await Invitation.lookup(inside, _id=event.invitation, state=InvitationState.PENDING.value)
    if found is None:
        return
    organization = await Organization.require(PLATFORM, found.organization_id)
    inviter = await User.lookup(PLATFORM, _id=found.invited_by_id)
    custom = await CustomRole.lookup(inside, _id=found.custom_role_id) if found.custom_role_id else None
    token = tokens.invitation(found.id)
    await _send(
        event,
        "invitation",
        found.email,
        organization.locale,
        organization,
        inviter=inviter.name if inviter else _somebody(organization.locale),
        role=custom.name if custom else found.role.value,
        until=date_in(found.created_at + VALID, organization.locale),
        email=found.email,
        token=token,
        link=_link(f"invitations/{token}"),
    )


async def deletion_notice(event: OwnerNoticeDue) -> None:
    """To an owner of an organization that is to be deleted, if that still holds, or of one that stays."""
    organization = await Organization.lookup(PLATFORM, _id=event.organization)
    owner = await User.lookup(PLATFORM, _id=event.user)
    if organization is None or owner is None:
        return
    news, deletion = DeletionNews(event.news), organization.deletion
    if news is not DeletionNews.REQUESTED:
        failed = news is DeletionNews.FAILED
        await to_person(owner, event, "deletion_cancelled", organization, link=_link(), failed=failed)
    elif deletion is not None:
        asking = await User.lookup(PLATFORM, _id=deletion.by_id)
        known: dict[str, Any] = {"by": asking.name if asking else _somebody(owner.locale), "reason": deletion.reason}
        until = date_in(deletion.due_at, owner.locale)
        await to_person(owner, event, "deletion_requested", organization, link=_link(), until=until, **known)


async def affiliation(event: AffiliationMoved) -> None:
    """To who asked to sell for an organization, when it has decided."""
    decided = {AffiliationState.ACTIVE.value: "approved", AffiliationState.REJECTED.value: "rejected"}
    organization = await Organization.lookup(PLATFORM, _id=event.actor.organization_id)
    person = await User.lookup(PLATFORM, _id=event.user)
    if event.state in decided and organization is not None and person is not None:
        await to_person(person, event, f"affiliation_{decided[event.state]}", organization, link=_link())


async def webhook_trouble(event: WebhookTroubled) -> None:
    """To all who manage webhooks, of one that fails or was disabled, if it still is so."""
    inside = Actor.platform(event.actor.organization_id)
    endpoint = await WebhookEndpoint.lookup(inside, _id=event.endpoint)
    organization = await Organization.lookup(inside, _id=event.actor.organization_id)
    if endpoint is None or organization is None or (event.fault and endpoint.fault != event.fault):
        return
    known: dict[str, Any] = {"host": host_of(endpoint.url), "fault": event.fault or "", "days": settings().log_days}
    for person in await members.holders(inside, Permission.WEBHOOKS_MANAGE):
        await to_person(person, event, "webhook_troubled", organization, link=_link(), **known)


async def absence(event: ParticipantNoted | AbsenceHeld) -> None:
    """To a member who was away when others wrote; not when they have read it, or are here, by now.

    It waits for as long as they have chosen, and is looked at again then.
    """
    unread = await absences.unread(event)
    inside = Actor.platform(event.actor.organization_id)
    user = await User.lookup(inside, _id=event.user)
    conversation = await Conversation.lookup(inside, _id=event.conversation, member_ids=event.user)
    organization = await Organization.lookup(inside, _id=event.actor.organization_id)
    if not unread or user is None or conversation is None or organization is None:
        return
    moment = max(now(), event.due) if isinstance(event, AbsenceHeld) else now()
    decision = by(UNREAD_MESSAGES, Channel.EMAIL, await attention.of(user, organization.id, moment), moment)
    if decision.at and decision.at > moment:
        about = {"conversation": event.conversation, "user": user.id, "message": event.message}
        await changes.tell(AbsenceHeld(inside, **about, due=decision.at))
    if decision.at is None or decision.at > moment:
        return
    people = await User.by_ids(inside, {m.sender_id for m in unread}, frozenset({"name"}))
    names = {id: person.name for id, person in people.items()}
    somebody = _somebody(user.locale)
    writers = [names.get(id, somebody) for id in dict.fromkeys(m.sender_id for m in unread)]
    shown = [
        {"author": names.get(m.sender_id, somebody), "text": preview(m.text, MAX_QUOTE)} for m in unread[:MAX_QUOTES]
    ]
    await to_person(
        user,
        event,
        "unread_messages",
        organization,
        first=writers[0],
        second=writers[1] if len(writers) > 1 else "",
        others=len(writers) - 1,
        title=conversation.title or "",
        quotes=shown[::-1],
        link=_link(),
    )


def _lasting(user: User, lifetime: timedelta) -> str:
    """For how long a link is good, in words."""
    return format_timedelta(lifetime, locale=language(user.locale))


def _somebody(locale: str) -> str:
    """Who is not there any more, in the reader's language."""
    return said(words("Somebody"), language(locale))


def date_in(moment: datetime, locale: str) -> str:
    return format_date(moment, "d MMMM y", locale=language(locale))


def _link(path: str = "") -> str:
    return settings().address(path)


async def to_person(
    user: User,
    event: Event,
    kind: str,
    organization: Organization | None = None,
    *,
    priority: DeliveryPriority = DeliveryPriority.NORMAL,
    **variables: Any,
) -> None:
    """Send it to a person at their address, in their language."""
    known = {**variables, "name": user.name}
    await _send(event, kind, user.email, user.locale, organization, user=user, priority=priority, **known)


async def _send(
    event: Event,
    kind: str,
    address: str,
    locale: str,
    organization: Organization | None = None,
    *,
    user: User | None = None,
    priority: DeliveryPriority = DeliveryPriority.NORMAL,
    **variables: Any,
) -> None:
    """Send it to an address: in the organization's name, if there is one."""
    wanted = Wanted(
        channel=Channel.EMAIL,
        kind=kind,
        template=kind,
        address=address,
        content=variables,
        locale=locale,
        organization_id=organization.id if organization else None,
        user_id=user.id if user else None,
        priority=priority,
    )
    await deliveries.ask(event.id, wanted)
