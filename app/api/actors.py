"""Who a bearer token speaks for: verified once, then known until it ends or the change log says otherwise."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from weakref import WeakSet

from bson import ObjectId

from app.api.credentials import Credentials
from app.api.endings import ENDINGS, Meant
from app.core import clock
from app.core.actor import ANONYMOUS, Actor
from app.core.changes import Change, Hub
from app.core.consents import TextVersion
from app.core.errors import Unauthenticated, Unavailable
from app.core.networks import OPEN, Rules
from app.models.identity.events import (
    ApiKeyRotated,
    ConsentGiven,
    LegalTextPublished,
    SecondFactorsChanged,
    SigningKeysRotated,
)
from app.models.organizations.events import OrganizationTierChanged
from app.models.platform.events import PlatformNetworksChanged
from app.services.identity import consents, keys, legal_texts, sessions, signatures, signing_keys, tokens
from app.services.identity.keysecrets import OURS
from app.services.identity.signatures import Signature
from app.services.organizations import networks
from app.services.platform import networks as platform_networks

Owes = tuple[TextVersion, ...]

KNOWN = 10_000
"""Tokens that a process remembers."""
LOOKING_UP = 16
"""Tokens that are looked up at the same time: a crowd that comes back leaves the database to others as well."""
TRUSTED = 60.0
"""Seconds after which even an undisturbed token is looked up again."""


class Actors:
    """From `Authorization` values to credentials, as soon as it hears of their ends."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, tuple[Credentials, float]] = OrderedDict()
        self._live: WeakSet[Credentials] = WeakSet()  # those that sockets hold outlive their place among the known
        self._turns = asyncio.Semaphore(LOOKING_UP)
        self._generation = 0
        self._watching = False
        self._everywhere: Rules | None = None
        self._law: list[TextVersion] | None = None

    def watch(self, hub: Hub) -> None:
        """Hear of what ends a session or changes what one may do, in any process; until then nobody gets in."""
        for event, whom in ENDINGS.items():
            hub.on(event, partial(self._end_by, whom))
        hub.on(PlatformNetworksChanged, self._platform_networks_changed)
        hub.on(SecondFactorsChanged, self._factors_changed)
        hub.on(LegalTextPublished, self._text_published)
        hub.on(ConsentGiven, self._consent_given)
        hub.on(SigningKeysRotated, self._keys_rotated)
        hub.on(OrganizationTierChanged, self._tier_changed)
        hub.on(ApiKeyRotated, self._api_key_rotated)
        hub.on_gap(self._forget_all)
        self._watching = True

    async def authenticate(self, authorization: str | None) -> Credentials:
        """Raises Unauthenticated, and Unavailable while the process starts."""
        if not self._watching:
            raise Unavailable("The server is starting. Try again in a moment.")
        if not authorization:
            return Credentials(ANONYMOUS, rules=await self._rules(ANONYMOUS))
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("Only `Authorization: Bearer <access token or API key>` is understood.")
        digest = hashlib.sha256(token.encode()).digest()  # of the whole token: a prefix must not stand for it
        if (trusted := self._trusted(digest)) is not None:
            return trusted
        async with self._turns:
            if (trusted := self._trusted(digest)) is not None:  # somebody else has asked meanwhile
                return trusted
            known, _ = self._known.get(digest, (None, 0.0))
            credentials = await self._verified(partial(_looked_up, token), known)
        self._known[digest] = credentials, time.monotonic()
        self._known.move_to_end(digest)
        while len(self._known) > KNOWN:
            self._known.popitem(last=False)
        return credentials

    async def recognise(self, signature: Signature) -> Credentials:
        """Credentials for one request that was signed. Raises Unauthenticated, and Unavailable."""
        if not self._watching:
            raise Unavailable("The server is starting. Try again in a moment.")
        async with self._turns:
            credentials = await self._verified(partial(signatures.actor_of, signature))
        await signatures.spend(signature)
        return credentials

    def _trusted(self, digest: bytes) -> Credentials | None:
        known, checked = self._known.get(digest, (None, 0.0))
        if known is None or time.monotonic() >= checked + TRUSTED:
            return None
        if known.expires_at is not None and known.expires_at <= clock.source():
            return None
        self._known.move_to_end(digest)
        return known

    async def _verified(
        self, look_up: Callable[[], Awaitable[tuple[Actor, float | None]]], known: Credentials | None = None
    ) -> Credentials:
        while True:
            generation = self._generation
            actor, expires_at = await look_up()
            rules = await self._rules(actor)
            if actor.user_id:
                actor = replace(actor, owes=await self._owes(actor.user_id))
            if generation == self._generation:  # else what was just read may be what has just changed
                break
        if known is not None and (known.actor, known.rules) == (actor, rules) and not known.ended.is_set():
            return known
        credentials = Credentials(actor, expires_at, rules=rules)
        self._live.add(credentials)
        return credentials

    async def _rules(self, actor: Actor) -> tuple[Rules, ...]:
        """From where an actor may come."""
        if self._everywhere is None:
            generation, found = self._generation, await platform_networks.rules()
            if generation == self._generation:
                self._everywhere = found
        else:
            found = self._everywhere
        own = await networks.rules_of(actor.organization_id) if actor.organization_id else OPEN
        return tuple(rules for rules in (found, own) if not rules.open)

    async def _owes(self, user_id: ObjectId) -> tuple[TextVersion, ...]:
        """What a person has yet to accept, or will; nobody is asked while no text binds."""
        if (law := self._law) is None:
            generation, law = self._generation, await legal_texts.law()
            if generation == self._generation:
                self._law = law
        return await consents.owed(user_id, law) if any(text.binding for text in law) else ()

    def _text_published(self, change: Change) -> None:
        """Nobody is cut off or looked up again for it: whoever is known owes one text more."""
        data = change.data
        text = TextVersion(data["kind"], data["version"], data["since"], data["binding"])
        self._law = None
        self._owe(lambda actor: actor.user_id is not None, lambda owes: (*owes, text) if text not in owes else owes)

    def _consent_given(self, change: Change) -> None:
        data = change.data
        self._owe(
            lambda actor: actor.user_id == data["user"],
            lambda owes: tuple(o for o in owes if o.kind != data["kind"] or o.version > data["version"]),
        )

    def _owe(self, meant: Meant, change: Callable[[Owes], Owes]) -> None:
        """Change what some owe where they are known: at their sockets too, whose next request sees it."""
        self._generation += 1
        for credentials in self._live:
            if meant(credentials.actor):
                credentials.actor = replace(credentials.actor, owes=change(credentials.actor.owes))

    def _platform_networks_changed(self, change: Change) -> None:
        self._forget_all()

    def _keys_rotated(self, change: Change) -> None:
        signing_keys.forget()
        if change.data["revoked"]:
            self._forget_all()

    def _tier_changed(self, change: Change) -> None:
        for credentials in self._live:
            if credentials.actor.organization_id == change.data["organization"]:
                credentials.meters = None

    def _api_key_rotated(self, change: Change) -> None:
        """Nothing ends now: what was known is looked up again, and what is held ends with the secret before."""
        meant, until = change.data["key"], change.data["until"].timestamp()
        self._forget(lambda actor: actor.key_id == meant)
        for credentials in self._live:
            if credentials.actor.key_id == meant:
                credentials.end_by(until)

    def _factors_changed(self, change: Change) -> None:
        """What one may do is the same, but for how it is to be proved: nobody is cut off."""
        user = change.data["user"]
        self._forget(lambda actor: actor.user_id == user)

    def _forget_all(self) -> None:
        self._everywhere = self._law = None
        self._end(lambda actor: True)

    def _end_by(self, whom: Callable[[Change], Meant], change: Change) -> None:
        self._end(whom(change))

    def _forget(self, meant: Meant) -> None:
        self._generation += 1
        self._known = OrderedDict((d, known) for d, known in self._known.items() if not meant(known[0].actor))

    def _end(self, meant: Meant) -> None:
        self._forget(meant)
        for credentials in self._live:
            if meant(credentials.actor):
                credentials.ended.set()


async def _looked_up(token: str) -> tuple[Actor, float | None]:
    """Who a token or the secret of an API key speaks for now, and when it ends. Raises Unauthenticated."""
    if token.startswith(OURS):
        return await keys.actor_of(token)
    claims = await tokens.claims(token)
    return await sessions.actor_of(claims), claims.expires_at
