"""NTF-1: history, read and unread, putting away, counts; all of it one's own only."""

import pytest
from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.errors import NotFound
from app.core.paging import PageArgs
from app.models import Notification, NotificationDocument, NotificationKind
from app.models.notifications.events import NotificationsRead
from app.services.notifications import notifications
from app.services.notifications.notifications import NotificationsToArchive, NotificationsToRead

pytestmark = pytest.mark.usefixtures("documents")


@pytest.fixture
def reader() -> Actor:
    return Actor(ObjectId(), ObjectId())


async def make(reader: Actor, count: int = 3) -> list[ObjectId]:
    """Notifications of a person, the newest first."""
    assert reader.organization_id
    assert reader.user_id
    made = [
        NotificationDocument(
            id=new_id(),
            organization_id=reader.organization_id,
            user_id=reader.user_id,
            kind=NotificationKind.MENTION,
            text=f"number {n}",
            created_at=now(),
        )
        for n in range(count)
    ]
    for one in made:
        await changes.insert(one)
    return [one.id for one in reversed(made)]


async def listed(reader: Actor, *, unread_only: bool = False, archived: bool = False) -> list[ObjectId]:
    page = await notifications.newest(reader, PageArgs(), unread_only=unread_only, archived=archived)
    return [one.id for one in page.nodes]


async def test_they_are_paged_newest_first(reader: Actor) -> None:
    ids = await make(reader, 5)
    first = await notifications.newest(reader, PageArgs(3), unread_only=False, archived=False)
    rest = await notifications.newest(reader, PageArgs(3, first.end_cursor), unread_only=False, archived=False)
    assert [one.id for one in (*first.nodes, *rest.nodes)] == ids
    assert (first.has_next_page, rest.has_next_page) == (True, False)


async def test_some_are_read(reader: Actor) -> None:
    ids = await make(reader)
    marked = await notifications.mark_read(reader, NotificationsToRead(ids=ids[:2]))
    assert (marked.changed, marked.unread) == (2, 1)
    assert await listed(reader, unread_only=True) == ids[2:]
    assert await listed(reader) == ids
    again = await notifications.mark_read(reader, NotificationsToRead(ids=ids[:2]))
    assert (again.changed, again.unread) == (0, 1)


async def test_all_are_read(reader: Actor) -> None:
    await make(reader)
    assert await notifications.count_unread(reader) == 3
    marked = await notifications.mark_read(reader, NotificationsToRead())
    assert (marked.changed, marked.unread) == (3, 0)


async def test_what_is_put_away_is_listed_apart_and_counts_no_more(reader: Actor) -> None:
    ids = await make(reader)
    marked = await notifications.archive(reader, NotificationsToArchive(ids=ids[:1]))
    assert (marked.changed, marked.unread) == (1, 2)
    assert await listed(reader) == ids[1:]
    assert await listed(reader, archived=True) == ids[:1]


async def test_nobody_touches_those_of_others(reader: Actor) -> None:
    ids = await make(reader)
    colleague = Actor(reader.organization_id, ObjectId())
    elsewhere = Actor(ObjectId(), reader.user_id)
    for other in (colleague, elsewhere):
        assert await listed(other) == []
        assert await notifications.count_unread(other) == 0
        for call in (
            notifications.mark_read(other, NotificationsToRead(ids=ids[:1])),
            notifications.archive(other, NotificationsToArchive(ids=ids[:1])),
        ):
            with pytest.raises(NotFound) as refused:
                await call
            assert refused.value.path == ["input", "ids", "0"]
        assert (await notifications.mark_read(other, NotificationsToRead())).changed == 0
    assert await notifications.count_unread(reader) == 3


async def test_an_unknown_id_changes_nothing(reader: Actor) -> None:
    ids = await make(reader)
    with pytest.raises(NotFound):
        await notifications.mark_read(reader, NotificationsToRead(ids=[ids[0], ObjectId()]))
    assert await notifications.count_unread(reader) == 3


async def test_what_changes_nothing_tells_nothing(reader: Actor) -> None:
    await make(reader)
    first = await changes.rehearse(lambda: notifications.mark_read(reader, NotificationsToRead()))
    (event,) = first.events
    assert isinstance(event, NotificationsRead)
    assert event.notifications == []
    await notifications.mark_read(reader, NotificationsToRead())
    again = await changes.rehearse(lambda: notifications.mark_read(reader, NotificationsToRead()))
    assert not again.events


async def test_the_platform_sees_all_of_an_organization(reader: Actor) -> None:
    ids = await make(reader)
    assert reader.organization_id
    found = await Notification.by_ids(Actor.platform(reader.organization_id), ids)
    assert set(found) == set(ids)
