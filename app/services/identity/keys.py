"""API keys: how programs act in an organization.

A key may never do more than the one who gets its secret. It is used in one of three ways: its secret is sent along
(bearer), or changed at /oauth/token for short tokens (client credentials: a service account), or never sent and signs
each request instead (signature).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated

from bson import ObjectId
from pydantic import AfterValidator, Field

from app.core import changes, clock, seals
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.errors import Forbidden, Invalid, LimitReached, NotFound, Unauthenticated
from app.core.machines import Machine, Transition, lacks, only_platform
from app.core.paging import Page, PageArgs
from app.core.rows import Value
from app.core.settings import settings
from app.core.words import Words, words
from app.models import (
    KEY_PERMISSIONS,
    ApiKey,
    ApiKeyDocument,
    KeyState,
    KeyUse,
    Organization,
    OrganizationState,
    Permission,
    is_suspended,
)
from app.models.identity.events import ApiKeyChanged, ApiKeyMade, ApiKeyRotated
from app.services.identity import keysecrets

ACTIVE, SUSPENDED, REVOKED = KeyState.ACTIVE, KeyState.SUSPENDED, KeyState.REVOKED
PLATFORM = Actor.platform()
SIGNING = "signing secrets"
"""For what the secrets of keys that sign are sealed."""
MOST = 100
"""Keys that an organization may have at once, those aside that were revoked."""
USED_EVERY = timedelta(minutes=1)
"""How often it is noted at most that a key was used."""


class ScopeAbove(Forbidden):
    """A key that may do what the one who would have its secret may not."""

    code = "SCOPE_ABOVE"


class TooManyKeys(LimitReached):
    code = "TOO_MANY_API_KEYS"


def _scope(name: str) -> str:
    if name not in KEY_PERMISSIONS:
        raise ValueError(words("“{scope}” is no permission that an API key can have.", scope=name))
    return name


class NotInScope(Invalid):
    """A token that may do what its service account may not."""

    code = "NOT_IN_SCOPE"


class NewApiKey(Command):
    """A key to make."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    scopes: Annotated[
        list[Annotated[str, AfterValidator(_scope)]],
        Field(min_length=1, max_length=100, description="Permissions, none that one does not have."),
    ]
    use: KeyUse = KeyUse.BEARER
    lifetime_days: Annotated[
        int | None, Field(ge=1, le=730, description="After so many days it ends; null: when it is revoked.")
    ] = 90


class KeyRotation(Command):
    """A key that gets another secret."""

    key_id: Annotated[ObjectId, Ref("ApiKey")]
    overlap_hours: Annotated[
        int, Field(ge=0, le=168, description="For how long the secret that it has is still good; 0: it ends at once.")
    ] = 24


class KeyAction(Command):
    """A key of the organization."""

    key_id: Annotated[ObjectId, Ref("ApiKey")]


@dataclass(slots=True)
class MadeApiKey(Value):
    """A key with its newest secret, which cannot be had again."""

    key: ApiKey
    secret: str


@dataclass(frozen=True, slots=True)
class Granted:
    """A service account's token: for how many seconds it is good, and for what."""

    token: str = field(repr=False)
    seconds: int
    scopes: list[str]


def _managing(actor: Actor, row: ApiKey) -> Words | None:
    if actor.can(Permission.KEYS_MANAGE):
        return None
    return lacks(Permission.KEYS_MANAGE)


def _having(actor: Actor, row: ApiKey) -> Words | None:
    if above := _above(actor, row.scopes):
        return words("It may do more than you: {scopes}.", scopes=above)
    return _managing(actor, row)


def _above(actor: Actor, scopes: Iterable[str]) -> str:
    """The scopes that the actor does not have, in words."""
    return ", ".join(sorted(scope for scope in scopes if not actor.can(scope)))


KEY = Machine(
    Transition("rotate", frozenset({ACTIVE}), ACTIVE, _having),
    Transition("revoke", frozenset({ACTIVE, SUSPENDED}), REVOKED, _managing),
    Transition("suspend", frozenset({ACTIVE}), SUSPENDED, only_platform),
    Transition("reinstate", frozenset({SUSPENDED}), ACTIVE, only_platform),
)


async def newest(actor: Actor, page: PageArgs) -> Page[ApiKey]:
    return await ApiKey.page(actor, page)


async def find(actor: Actor, id: ObjectId) -> ApiKey | None:
    return await ApiKey.lookup(actor, _id=id)


@changes.atomic
async def make(actor: Actor, new: NewApiKey) -> MadeApiKey:
    """Make a key for the organization. Raises ScopeAbove, TooManyKeys, and NotFound for an organization that closes."""
    assert actor.organization_id
    assert actor.user_id
    if above := _above(actor, new.scopes):
        raise ScopeAbove("You do not have these yourself: {scopes}.", path=["input", "scopes"], scopes=above)
    if await ApiKey.tally(actor, {"state": {"$ne": REVOKED.value}}, cap=MOST) == MOST:
        raise TooManyKeys("An organization has at most {limit} API keys: revoke one that is not used.", limit=MOST)
    # A write, so that a key that is made and the closing of the organization conflict: it must see every key.
    here = {"_id": actor.organization_id, "state": OrganizationState.ACTIVE.value}
    if not await changes.change(Organization, here, {"$inc": {"place_changes": 1}}):
        raise NotFound("There is no such organization any more.")
    secret, moment = keysecrets.new(), now()
    key = ApiKeyDocument(
        id=new_id(),
        organization_id=actor.organization_id,
        name=new.name,
        use=new.use,
        scopes=sorted(set(new.scopes)),
        hint=secret[: keysecrets.HINT],
        hashes=[keysecrets.fingerprint(secret)],
        sealed=[_sealed(secret)] if new.use is KeyUse.SIGNATURE else [],
        made_by_id=actor.user_id,
        created_at=moment,
        changed_at=moment,
        expires_at=None if new.lifetime_days is None else moment + timedelta(days=new.lifetime_days),
    )
    return MadeApiKey(await changes.insert(key, ApiKeyMade(actor, key=key.id)), secret)


@changes.atomic
async def rotate(actor: Actor, given: KeyRotation) -> MadeApiKey:
    """Give a key another secret; the present one is good for a while, any older one ends.

    Raises NotFound, Forbidden or IllegalTransition.
    """
    key = await ApiKey.require(actor, given.key_id)
    secret, until = keysecrets.new(), now() + timedelta(hours=given.overlap_hours)
    rotated = await KEY.move(
        actor,
        key,
        "rotate",
        ApiKeyRotated(actor, key=key.id, until=until),
        where=ApiKey.within(actor, hashes=key.hashes),
        hint=secret[: keysecrets.HINT],
        hashes=[keysecrets.fingerprint(secret), key.hashes[0]],
        sealed=[_sealed(secret), key.sealed[0]] if key.sealed else [],
        overlap_until=until,
    )
    return MadeApiKey(rotated, secret)


@changes.atomic
async def revoke(actor: Actor, given: KeyAction) -> ApiKey:
    """End a key for good. Raises NotFound, Forbidden or IllegalTransition."""
    return await _move(actor, await ApiKey.require(actor, given.key_id), "revoke")


async def close(actor: Actor, limit: int) -> int:
    """Suspend up to `limit` of the organization's keys, and answer how many."""
    return await _shift(actor, ACTIVE, "suspend", limit)


async def reopen(actor: Actor, limit: int) -> int:
    """Let up to `limit` suspended keys be used again, and answer how many."""
    return await _shift(actor, SUSPENDED, "reinstate", limit)


async def grant(client_id: str, secret: str, scopes: Iterable[str] | None = None) -> Granted:
    """Change the secret of a service account, whose id is `client_id`, for a token.

    Raises Unauthenticated, and NotInScope for `scopes` that it does not have; None are all.
    """
    key, hash = await _by_secret(secret)
    if client_id != f"{ApiKey.__name__}_{key.id}" or key.use is not KeyUse.CLIENT_CREDENTIALS:
        raise Unauthenticated("There is no such service account.")
    asked = set(key.scopes if scopes is None else scopes)
    if not asked <= set(key.scopes):
        raise NotInScope("The service account does not have all of these scopes.")
    moment, end = int(clock.source()), _unless_over(_end(key, hash))
    expires_at = moment + settings().access_token_seconds
    expires_at = expires_at if end is None else min(expires_at, int(end))
    return Granted(keysecrets.token(key.id, hash, expires_at, asked), expires_at - moment, sorted(asked))


async def actor_of(secret: str) -> tuple[Actor, float | None]:
    """Who acts by a secret or a token that was sent along, and when that ends (seconds since the epoch).

    Raises Unauthenticated for one that is not, or not any more, good for that.
    """
    if secret.startswith(keysecrets.TOKEN):
        grant = keysecrets.opened(secret)
        key, hash = await _by_token(grant)
        actor, end = await acting(key, hash, grant.scopes & set(key.scopes))
        return actor, _unless_over(min(grant.expires_at, end or grant.expires_at))
    key, hash = await _by_secret(secret)
    if key.use is KeyUse.CLIENT_CREDENTIALS:
        raise Unauthenticated("This is a service account's secret: it gets tokens at /oauth/token.")
    if key.use is KeyUse.SIGNATURE:
        raise Unauthenticated("The secret of this API key signs requests, and is never sent.")
    return await acting(key, hash, key.scopes)


async def _by_secret(secret: str) -> tuple[ApiKey, bytes]:
    """The active key with this secret, and the secret's fingerprint."""
    hash = keysecrets.fingerprint(secret)
    key = await ApiKey.lookup(PLATFORM, hashes=hash)
    if key is None or key.state is not ACTIVE:
        raise Unauthenticated("There is no such API key, or it has ended.")
    return key, hash


async def _by_token(grant: keysecrets.Grant) -> tuple[ApiKey, bytes]:
    """The active service account that a token was made for, and the fingerprint of its secret."""
    key = await ApiKey.lookup(PLATFORM, _id=grant.key_id)
    hash = next((hash for hash in key.hashes if grant.follows_from(hash)), None) if key else None
    if key is None or hash is None or key.state is not ACTIVE:
        raise Unauthenticated("That token is not one of ours, or its service account has ended.")
    return key, hash


async def acting(key: ApiKey, hash: bytes, scopes: Iterable[str]) -> tuple[Actor, float | None]:
    """The actor that a key is, by the secret with this fingerprint, and when that ends; the key's use is noted.

    What it was given is all it may, if that can be given still. Raises Unauthenticated when its time is over.
    """
    end, moment = _unless_over(_end(key, hash)), now()
    if key.used_at is None or key.used_at <= moment - USED_EVERY:
        unnoted = {"_id": key.id, "used_at": key.used_at}
        inside = Actor.platform(key.organization_id)
        await changes.change(ApiKey, ApiKey.within(inside, unnoted), {"$set": {"used_at": moment}})
    return Actor(
        key.organization_id,
        permissions=frozenset(scopes) & KEY_PERMISSIONS,
        key_id=key.id,
        suspended=await is_suspended(key.organization_id),
    ), end


def _end(key: ApiKey, hash: bytes) -> float | None:
    """When the secret with this fingerprint ends, in seconds since the epoch."""
    ends = [key.expires_at] if hash == key.hashes[0] else [key.expires_at, key.overlap_until]
    return min((end.timestamp() for end in ends if end is not None), default=None)


def _unless_over(end: float | None) -> float | None:
    if end is not None and end <= clock.source():
        raise Unauthenticated("The API key has ended.")
    return end


def _sealed(secret: str) -> bytes:
    return seals.seal(SIGNING, secret.encode())


async def _shift(actor: Actor, state: KeyState, transition: str, limit: int) -> int:
    rows = await ApiKey.select(actor, {"state": state.value}, limit=limit)
    for row in rows:
        await _move(actor, row, transition)
    return len(rows)


async def _move(actor: Actor, key: ApiKey, transition: str) -> ApiKey:
    told = ApiKeyChanged(actor, key=key.id, state=KEY.transitions[transition].target.value)
    return await KEY.move(actor, key, transition, told, where=ApiKey.within(actor))
