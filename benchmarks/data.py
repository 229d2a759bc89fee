"""The data that is measured on: an organization whose people have talked with each other."""

from dataclasses import dataclass

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.clock import time_of
from app.core.rows import Names
from app.models import GRANTS, Conversation, Role, User
from app.services.identity import accounts, sessions
from app.services.messaging import conversations, messages, reads
from app.services.organizations import invitations, organizations

PEOPLE = 12
CONVERSATIONS = 40
DIRECT = 10
"""Of the conversations; the others are groups."""
GROUP_MEMBERS = 4
MESSAGES = 25
"""In each conversation."""
ROOMS = 20

_PASSWORD = "correct horse battery"
_AGENT = sessions.Device("benchmarks", "127.0.0.1")
_NOTHING: Names = frozenset()


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody signed in."""

    actor: Actor
    token: str


@dataclass(frozen=True, slots=True)
class Data:
    """`reader` is in the 40 conversations with messages; the `writers` have `rooms` without messages to write to.

    What the writers write leaves the reader's list as it is, so that every round of reading finds the same.
    """

    reader: Person
    writers: list[Person]
    rooms: list[ObjectId]


async def fill() -> Data:
    """Make all of it, in a database that is connected, migrated and empty."""
    ids = [await _register(number) for number in range(PEOPLE)]
    organization = await organizations.create(
        Actor(user_id=ids[0]), organizations.NewOrganization(name="Benchmarks", slug="benchmarks")
    )
    for id in ids[1:]:
        await invitations.join(Actor(organization.id, id), Role.MEMBER)
    reader, *others = [await _sign_in(number, id, organization.id) for number, id in enumerate(ids)]
    for number in range(CONVERSATIONS):
        await _converse(number, reader.actor, [other.actor for other in others])
    writers = others[:GROUP_MEMBERS]
    rooms = [await _start(writers[0].actor, [w.actor for w in writers[1:]], f"Room {n}") for n in range(ROOMS)]
    return Data(reader, writers, rooms)


def _address(number: int) -> str:
    return f"person{number}@example.com"


async def _register(number: int) -> ObjectId:
    new = accounts.Registration(email=_address(number), password=_PASSWORD, name=f"Person {number}")
    await accounts.register(Actor(), new)
    user = await User.lookup(Actor.platform(), email=_address(number), fields=_NOTHING)
    assert user
    return user.id


async def _sign_in(number: int, id: ObjectId, organization_id: ObjectId) -> Person:
    signed_in = await sessions.sign_in(sessions.SignIn(email=_address(number), password=_PASSWORD), _AGENT)
    role = Role.OWNER if number == 0 else Role.MEMBER
    return Person(Actor(organization_id, id, permissions=frozenset(GRANTS[role])), signed_in.access_token)


async def _start(actor: Actor, others: list[Actor], title: str | None) -> ObjectId:
    ids = [other.user_id for other in others if other.user_id]
    return (await conversations.start(actor, conversations.NewConversation(member_ids=ids, title=title))).id


async def _converse(number: int, reader: Actor, others: list[Actor]) -> None:
    """A conversation of the reader's, read up to somewhere in its middle."""
    direct = number < DIRECT
    count = 1 if direct else GROUP_MEMBERS - 1
    members = [others[(number + step) % len(others)] for step in range(count)]
    id = await _start(reader, members, None if direct else f"Project {number}")
    said = []
    for turn in range(MESSAGES):
        draft = messages.MessageDraft(conversation_id=id, text=f"Message {turn} of conversation {number}, not long.")
        said.append(await messages.send(members[turn % len(members)], draft))
    await reads.mark(reader, reads.ReadMark(conversation_id=id, message_id=said[number * 7 % MESSAGES].id))
    # A consumer of the log does the same; the first page must not depend on how far it has come.
    newest = {"last_message_id": said[-1].id, "active_at": time_of(said[-1].id)}
    await changes.project(Conversation, [(Conversation.within(reader, _id=id), {"$max": newest})])
