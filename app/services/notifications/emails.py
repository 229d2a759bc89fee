"""The e-mails that Atrium sends. Each may be asked for again after a failure: `reference` is the same then."""

from app.core.actor import Actor
from app.core.settings import settings
from app.integrations import smtp
from app.models import Conversation, Deletion, Invitation, InvitationState, Organization, User
from app.models.identity.events import RegistrationRepeated, UserRegistered
from app.models.messaging.events import ParticipantNoted
from app.models.organizations.events import DeletionNews, MemberInvited, OwnerNoticeDue
from app.services.identity import tokens
from app.services.messaging import absences
from app.services.notifications.letters import Letter, Quote, message, preview
from app.services.organizations.invitations import VALID

ATTEMPTS = 20
"""How often to try to send one: with the pauses of durable jobs, for some hours."""
MAX_QUOTES = 5
MAX_QUOTE = 280
"""Characters of a message that an e-mail quotes."""
PLATFORM = Actor.platform()


async def welcome(event: UserRegistered, reference: str) -> None:
    """To who made an account."""
    user = await User.lookup(PLATFORM, _id=event.user)
    if user is not None:
        words = (f"Hello {user.name},", "your account at Atrium is ready.")
        await _send(Letter("Welcome to Atrium", words, "Open Atrium", _link()), user.name, user.email, reference)


async def account_exists(event: RegistrationRepeated, reference: str) -> None:
    """To the owner of an address with which somebody, perhaps they themselves, tried to register again."""
    user = await User.lookup(PLATFORM, _id=event.user)
    if user is not None:
        words = (
            f"Hello {user.name},",
            "somebody tried to register at Atrium with this address. You have an account already: sign in with it.",
            "If that was not you, there is nothing to do. Nobody was told that the address has an account.",
        )
        await _send(Letter("You have an account already", words, "Sign in", _link()), user.name, user.email, reference)


async def invitation(event: MemberInvited, reference: str) -> None:
    """To an address to which a place is offered, with the token to take it; not when the offer is gone."""
    inside = Actor.platform(event.actor.organization_id)
    found = await Invitation.lookup(inside, _id=event.invitation, state=InvitationState.PENDING.value)
    if found is None:
        return
    organization = await Organization.require(PLATFORM, found.organization_id)
    inviter = await User.lookup(PLATFORM, _id=found.invited_by_id)
    name, token = inviter.name if inviter else "Somebody", tokens.invitation(found.id)
    until = found.created_at + VALID
    words = (
        f"{name} invites you to join {organization.name} at Atrium as {found.role.value}.",
        f"The invitation holds until {until.day} {until:%B %Y} and is for {found.email} only.",
        f"Its token is {token}",
    )
    letter = Letter(
        f"{name} invites you to {organization.name}",
        words,
        "Accept the invitation",
        _link(f"invitations/{token}"),
        closing="If you do not know why you got this e-mail, there is nothing to do.",
    )
    await _send(letter, "", found.email, reference)


async def deletion_notice(event: OwnerNoticeDue, reference: str) -> None:
    """To an owner of an organization that is to be deleted, if that still holds, or of one that stays."""
    organization = await Organization.lookup(PLATFORM, _id=event.organization)
    owner = await User.lookup(PLATFORM, _id=event.user)
    if organization is None or owner is None:
        return
    match DeletionNews(event.news):
        case DeletionNews.REQUESTED:
            if organization.deletion is None:
                return
            subject, words = f"{organization.name} is to be deleted", await _asked(organization, organization.deletion)
        case DeletionNews.TAKEN_BACK:
            told = f"The request to delete {organization.name} was taken back. Nothing has changed."
            subject, words = f"{organization.name} stays", (told,)
        case DeletionNews.FAILED:
            told = f"{organization.name} could not be deleted, and is again as it was. We look into it."
            subject, words = f"{organization.name} stays", (told,)
    letter = Letter(subject, (f"Hello {owner.name},", *words), "Open Atrium", _link())
    await _send(letter, owner.name, owner.email, reference)


async def _asked(organization: Organization, deletion: Deletion) -> tuple[str, ...]:
    asking = await User.lookup(PLATFORM, _id=deletion.by_id)
    until = deletion.due_at
    return (
        f"{asking.name if asking else 'An owner'} asked to delete {organization.name} with everything in it.",
        f"This happens after {until.day} {until:%B %Y}. Until then nothing changes, and every owner can stop it.",
        *([f"The reason they gave: {deletion.reason}"] if deletion.reason else []),
    )


async def absence(event: ParticipantNoted, reference: str) -> None:
    """To a member who was away when others wrote; not when they have read it, or are here, by now."""
    unread = await absences.unread(event)
    inside = Actor.platform(event.actor.organization_id)
    user = await User.lookup(inside, _id=event.user)
    conversation = await Conversation.lookup(inside, _id=event.conversation, member_ids=event.user)
    if not unread or user is None or conversation is None:
        return
    people = await User.by_ids(inside, {m.sender_id for m in unread}, frozenset({"name"}))
    names = {id: person.name for id, person in people.items()}
    writers = [names.get(id, "Somebody") for id in dict.fromkeys(m.sender_id for m in unread)]
    shown = [Quote(names.get(m.sender_id, "Somebody"), preview(m.text, MAX_QUOTE)) for m in unread[:MAX_QUOTES]]
    letter = Letter(
        f"{_listed(writers)} wrote {f'in {conversation.title}' if conversation.title else 'to you'}",
        (f"Hello {user.name},", "this came while you were away:"),
        "Open Atrium",
        _link(),
        tuple(reversed(shown)),
        "Mute the conversation to get no e-mail about it. You get the next one only after you have read it.",
    )
    await _send(letter, user.name, user.email, reference)


def _listed(names: list[str]) -> str:
    if len(names) > 2:
        return f"{names[0]} and {len(names) - 1} others"
    return " and ".join(names)


def _link(path: str = "") -> str:
    return f"{str(settings().public_url).rstrip('/')}/{path}"


async def _send(letter: Letter, name: str, address: str, reference: str) -> None:
    await smtp.send(message(letter, name, address, reference))
