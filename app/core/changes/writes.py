"""The only ways to write what others can see: the events travel in the write itself, or in the running transaction."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from bson import ObjectId
from pymongo import ReturnDocument, UpdateOne
from pymongo.errors import DuplicateKeyError

from app.core import database, queries
from app.core.changes import batches, telling
from app.core.changes.envelope import FIELD, NO_IMAGES, Image, pack
from app.core.changes.events import Event
from app.core.changes.scope import OUTBOX, Scope, current
from app.core.clock import new_id
from app.core.database import Document
from app.core.errors import Conflict, VersionConflict
from app.core.rows import Row

R = TypeVar("R", bound=Row)

ATTEMPTS = 20
"""How often a change of audited fields is tried when others change them meanwhile."""

Where = Mapping[str, Any]
Modifiers = Mapping[str, Any]


async def change(model: type[R], where: Where, modifiers: Modifiers, *events: Event) -> R | None:
    """Change one document on which the condition holds, and tell it.

    Answers the row as it is afterwards; None when the condition failed, and then nothing is told. `modifiers` are
    MongoDB's (`$set`, `$inc`, ...); TypeError for a pipeline or a replacement. When it sets fields that the model
    declares `audited`, the first event carries what they were, which is read first and must hold still.
    """
    _check(modifiers)
    scope, images = current(), NO_IMAGES
    projection, decode = model.plan()
    audited = model.audited.intersection(modifiers.get("$set", ())) if events and model.audited else None
    for _ in range(ATTEMPTS):
        asked = where
        if audited:
            before = await _image(model, where, dict.fromkeys(audited, 1), scope)
            if before is None:
                return None
            still = {name: before.get(name) for name in audited}
            asked = {"$and": [where, still]}
            after = {name: modifiers["$set"][name] for name in audited}
            images = _images(events[0], model.data_owner(before), still, after)
        found = await database.collection(model.collection).find_one_and_update(
            asked,
            modifiers if scope else await _carrying(modifiers, events, images),
            projection=projection,
            return_document=ReturnDocument.AFTER,
            session=scope.session if scope else None,
        )
        if found is not None:
            _tell(scope, events, images)
            row: R = decode(found)
            return row
        if not audited:  # else somebody may have changed them since they were read
            return None
    raise Conflict("Too many change this at once. Try again.")


async def edit(
    model: type[R], where: Where, set: Mapping[str, Any], *events: Event, expected_version: int | None = None
) -> R:
    """Change a document whose `version` rises with every edit, and tell it.

    Raises VersionConflict when the condition failed, or when the version is not the one that the caller has seen.
    """
    expected = {} if expected_version is None else {"version": expected_version}
    modifiers = {"$inc": {"version": 1}, **({"$set": set} if set else {})}
    edited = await change(model, {**where, **expected}, modifiers, *events)
    if edited is None:
        path = ["input", "expectedVersion"] if expected else []
        raise VersionConflict("The {kind} was changed since: look again.", path=path, kind=model.__name__.lower())
    return edited


async def change_all(model: type[R], where: Where, modifiers: Modifiers, *events: Event) -> int:
    """Change every document on which the condition holds, and tell it once for all. Answers how many there were.

    Outside a scope this is not one atomic step: a failure may leave a part of them changed, and told.
    """
    _check(modifiers)
    scope = current()
    result = await database.collection(model.collection).update_many(
        where, modifiers if scope else await _carrying(modifiers, events), session=scope.session if scope else None
    )
    if result.matched_count:
        _tell(scope, events)
    return result.matched_count


async def change_each(model: type[Row], changes: Iterable[tuple[Where, Modifiers]]) -> None:
    """Change documents of one kind, each found by a condition of its own, in one command; the scope tells of them.

    Raises Conflict when a condition failed, which the scope must let pass. Only inside a scope (RuntimeError).
    """
    scope = current()
    if scope is None:
        raise RuntimeError("change_each() needs an @atomic scope: many documents are one step there only")
    made = [UpdateOne(where, modifiers) for where, modifiers in changes]
    if made:
        stored = database.collection(model.collection)
        result = await stored.bulk_write(made, ordered=False, session=scope.session)
        if result.matched_count != len(made):
            raise Conflict("Somebody else changed it first: look again.")


async def insert(document: R, *events: Event) -> R:
    """Store a new document and tell it. Raises DuplicateKeyError.

    Outside a scope, inserts that arrive together share one command, and each still succeeds or fails alone. Inside a
    scope a duplicate ends the transaction, so the scope must let the error pass.
    """
    encoded = document.encode()
    scope, images = current(), NO_IMAGES
    if events and document.audited:
        images = _images(events[0], document.data_owner(encoded), {}, {n: encoded[n] for n in document.audited})
    if scope is None:
        if events:
            encoded[FIELD] = await pack(events, images)
        await batches.add(document.collection, encoded)
    else:
        await database.collection(document.collection).insert_one(encoded, session=scope.session)
    _tell(scope, events, images)
    return document


async def insert_all(documents: Sequence[R]) -> None:
    """Store new documents of one kind in one command; the scope tells of them. Raises BulkWriteError for a duplicate.

    Only inside a scope (RuntimeError): outside, a failure would leave a part of them stored.
    """
    scope = current()
    if scope is None:
        raise RuntimeError("insert_all() needs an @atomic scope: many documents are one step there only")
    if documents:
        encoded = [document.encode() for document in documents]
        await database.collection(documents[0].collection).insert_many(encoded, session=scope.session)


async def insert_once(document: R, unique_where: Where, *events: Event) -> tuple[R, bool]:
    """Store a document unless one with the same natural key is there, and tell it only if it is new.

    `unique_where` names the document by the fields of a unique index. Answers the document and True, or the stored row
    (every column, none of a document's methods) and False.
    """
    if current() is not None:
        stored = await _stored(document, unique_where)
        if stored is not None:
            return stored, False
        # What another transaction stores from here on is a write conflict: the scope runs again, and then sees it.
        return await insert(document, *events), True
    try:
        return await insert(document, *events), True
    except DuplicateKeyError:
        stored = await _stored(document, unique_where)
        if stored is None:  # another unique index refused it
            raise
        return stored, False


async def remove(model: type[R], where: Where, *events: Event) -> R | None:
    """Delete one document on which the condition holds, and tell it; answers what it was, or None.

    Only inside a scope (RuntimeError): a deletion leaves no document that could carry events.
    """
    scope = current()
    if scope is None:
        raise RuntimeError("remove() needs an @atomic scope: a deletion cannot carry its events")
    projection, decode = model.plan()
    found = await database.collection(model.collection).find_one_and_delete(where, projection, session=scope.session)
    if found is None:
        return None
    images = NO_IMAGES
    if events and model.audited:
        kept = {name: found.get(name) for name in model.audited}
        images = _images(events[0], model.data_owner(found), kept, {})
    _tell(scope, events, images)
    row: R = decode(found)
    return row


async def tell(*events: Event) -> None:
    """Tell of what no write carries, such as that something was read."""
    scope = current()
    if scope is None:
        await batches.add(OUTBOX, {"_id": new_id(), FIELD: await pack(events)})
    _tell(scope, events)


async def erase(model: type[Row], where: Where, *, limit: int) -> int:
    """Delete at most `limit` documents on which the condition holds, and answer how many there were.

    It tells nothing, for what goes because something larger goes that is told; deleted are only those that the
    condition still holds for.
    """
    stored, scope = database.collection(model.collection), current()
    session = scope.session if scope else None
    ids = [row["_id"] for row in await queries.find(stored, where, {"_id": 1}, limit=limit, session=session)]
    if not ids:
        return 0
    return (await stored.delete_many({**where, "_id": {"$in": ids}}, session=session)).deleted_count


async def _stored(document: R, unique_where: Where) -> R | None:
    scope = current()
    model: Any = next(
        kind for kind in type(document).__mro__ if "collection" in vars(kind)
    )  # the row, not the document
    projection, decode = model.plan()
    found = await queries.find_one(
        database.collection(model.collection), unique_where, projection, session=scope.session if scope else None
    )
    return None if found is None else decode(found)


async def _image(model: type[Row], where: Where, projection: dict[str, int], scope: Scope | None) -> Document | None:
    """A document as the write will find it, with what says whose it is."""
    stored = database.collection(model.collection)
    columns = {**projection, **dict.fromkeys(model.owner_columns, 1)}
    return await queries.find_one(stored, where, columns, session=scope.session if scope else None)


def _images(event: Event, owner: str, before: Where, after: Where) -> Mapping[ObjectId, Image]:
    names = sorted(before.keys() | after.keys())
    fields = {name: (before.get(name), after.get(name)) for name in names}
    changed = {name: pair for name, pair in fields.items() if pair[0] != pair[1]}
    return {event.id: Image(owner, changed)} if changed else NO_IMAGES


def _tell(scope: Scope | None, events: tuple[Event, ...], images: Mapping[ObjectId, Image] = NO_IMAGES) -> None:
    """The events of a write that was done: the scope tells them later, or they travelled in it."""
    if scope:
        scope.events.extend(events)
        scope.images.update(images)
    else:
        telling.note(events)


def _check(modifiers: Modifiers) -> None:
    if not isinstance(modifiers, Mapping) or not modifiers or not all(name.startswith("$") for name in modifiers):
        raise TypeError(
            "modifiers only: MongoDB may log a pipeline or a replacement as a whole document, which hides its events"
        )


async def _carrying(
    modifiers: Modifiers, events: tuple[Event, ...], images: Mapping[ObjectId, Image] = NO_IMAGES
) -> Modifiers:
    if not events:
        return modifiers
    return {**modifiers, "$set": {**modifiers.get("$set", {}), FIELD: await pack(events, images)}}
