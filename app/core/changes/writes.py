"""The only ways to write what others can see: the events travel in the write itself, or in the running transaction."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from app.core import database
from app.core.changes import telling
from app.core.changes.batches import batches
from app.core.changes.envelope import FIELD, pack
from app.core.changes.events import Event
from app.core.changes.scope import Scope, current
from app.core.errors import VersionConflict
from app.core.rows import Row

R = TypeVar("R", bound=Row)

Where = Mapping[str, Any]
Modifiers = Mapping[str, Any]


async def change(model: type[R], where: Where, modifiers: Modifiers, *events: Event) -> R | None:
    """Change one document on which the condition holds, and tell it.

    Answers the row as it is afterwards; None when the condition failed, and then nothing is told. `modifiers` are
    MongoDB's (`$set`, `$inc`, ...); TypeError for a pipeline or a replacement.
    """
    _check(modifiers)
    scope = current()
    projection, decode = model.plan()
    found = await database.collection(model.collection).find_one_and_update(
        where,
        modifiers if scope else _carrying(modifiers, events),
        projection=projection,
        return_document=ReturnDocument.AFTER,
        session=scope.session if scope else None,
    )
    if found is None:
        return None
    _tell(scope, events)
    row: R = decode(found)
    return row


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
        raise VersionConflict(f"The {model.__name__.lower()} was changed since: look again.", path=path)
    return edited


async def change_all(model: type[R], where: Where, modifiers: Modifiers, *events: Event) -> int:
    """Change every document on which the condition holds, and tell it once for all. Answers how many there were.

    Outside a scope this is not one atomic step: a failure may leave a part of them changed, and told.
    """
    _check(modifiers)
    scope = current()
    result = await database.collection(model.collection).update_many(
        where, modifiers if scope else _carrying(modifiers, events), session=scope.session if scope else None
    )
    if result.matched_count:
        _tell(scope, events)
    return result.matched_count


async def insert(document: R, *events: Event) -> R:
    """Store a new document and tell it. Raises DuplicateKeyError.

    Outside a scope, inserts that arrive together share one command, and each still succeeds or fails alone. Inside a
    scope a duplicate ends the transaction, so the scope must let the error pass.
    """
    encoded = document.encode()
    scope = current()
    if scope is None:
        if events:
            encoded[FIELD] = pack(events)
        await batches(document.collection).add(encoded)
    else:
        await database.collection(document.collection).insert_one(encoded, session=scope.session)
    _tell(scope, events)
    return document


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
    scope.events.extend(events)
    row: R = decode(found)
    return row


async def erase(model: type[Row], where: Where, *, limit: int) -> int:
    """Delete at most `limit` documents on which the condition holds, and answer how many there were.

    It tells nothing, for what goes because something larger goes that is told; deleted are only those that the
    condition still holds for.
    """
    stored, scope = database.collection(model.collection), current()
    session = scope.session if scope else None
    ids = [row["_id"] for row in await stored.find(where, {"_id": 1}, limit=limit, session=session).to_list()]
    if not ids:
        return 0
    return (await stored.delete_many({**where, "_id": {"$in": ids}}, session=session)).deleted_count


async def _stored(document: R, unique_where: Where) -> R | None:
    scope = current()
    model: Any = next(
        kind for kind in type(document).__mro__ if "collection" in vars(kind)
    )  # the row, not the document
    projection, decode = model.plan()
    found = await database.collection(model.collection).find_one(
        unique_where, projection, session=scope.session if scope else None
    )
    return None if found is None else decode(found)


def _tell(scope: Scope | None, events: tuple[Event, ...]) -> None:
    """The events of a write that was done: the scope tells them later, or they travelled in it."""
    if scope:
        scope.events.extend(events)
    else:
        telling.note(events)


def _check(modifiers: Modifiers) -> None:
    if not isinstance(modifiers, Mapping) or not modifiers or not all(name.startswith("$") for name in modifiers):
        raise TypeError(
            "modifiers only: MongoDB may log a pipeline or a replacement as a whole document, which hides its events"
        )


def _carrying(modifiers: Modifiers, events: tuple[Event, ...]) -> Modifiers:
    if not events:
        return modifiers
    return {**modifiers, "$set": {**modifiers.get("$set", {}), FIELD: pack(events)}}
