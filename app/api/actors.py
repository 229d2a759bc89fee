"""Who a bearer token speaks for: verified once, then known until it ends or the change log says otherwise."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from weakref import WeakSet

from app.api.credentials import Credentials
from app.core import clock
from app.core.actor import ANONYMOUS, Actor
from app.core.changes import Change, Hub
from app.core.errors import Unauthenticated, Unavailable
from app.models import GRANTS, MembershipState, Role
from app.models.identity.events import SessionEnded, StaffChanged
from app.models.organizations.events import MembershipChanged
from app.services.identity import sessions, tokens

KNOWN = 10_000
"""Tokens that a process remembers."""
TRUSTED = 60.0
"""Seconds after which even an undisturbed token is looked up again."""


class Actors:
    """From `Authorization` values to credentials, as soon as it hears of their ends."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, tuple[Credentials, float]] = OrderedDict()
        self._live: WeakSet[Credentials] = WeakSet()  # those that sockets hold outlive their place among the known
        self._generation = 0
        self._watching = False

    def watch(self, hub: Hub) -> None:
        """Hear of what ends a session or changes what one may do, in any process; until then nobody gets in."""
        hub.on(SessionEnded, self._session_ended)
        hub.on(MembershipChanged, self._membership_changed)
        hub.on(StaffChanged, self._staff_changed)
        hub.on_gap(self._forget_all)
        self._watching = True

    async def authenticate(self, authorization: str | None) -> Credentials:
        """Raises Unauthenticated, and Unavailable while the process starts."""
        if not self._watching:
            raise Unavailable("The server is starting. Try again in a moment.")
        if not authorization:
            return Credentials(ANONYMOUS)
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("Only `Authorization: Bearer <access token>` is understood.")
        digest = hashlib.sha256(token.encode()).digest()  # of the whole token: a prefix must not stand for it
        known, checked = self._known.get(digest, (None, 0.0))
        if known is not None and (known.expires_at or 0) > clock.source() and time.monotonic() < checked + TRUSTED:
            self._known.move_to_end(digest)
            return known
        credentials = await self._verified(token, known)
        self._known[digest] = credentials, time.monotonic()
        self._known.move_to_end(digest)
        while len(self._known) > KNOWN:
            self._known.popitem(last=False)
        return credentials

    async def _verified(self, token: str, known: Credentials | None) -> Credentials:
        claims = tokens.claims(token)
        while True:
            generation = self._generation
            actor = await sessions.actor_of(claims)
            if generation == self._generation:  # else what was just read may be what has just changed
                break
        if known is not None and known.actor == actor and not known.ended.is_set():
            return known
        credentials = Credentials(actor, claims.expires_at)
        self._live.add(credentials)
        return credentials

    def _session_ended(self, change: Change) -> None:
        self._end(lambda actor: actor.session_id == change.data["session"])

    def _membership_changed(self, change: Change) -> None:
        meant, data = (change.data["user"], change.organization_id), change.data
        granted = GRANTS[Role(data["role"])] if data["state"] == MembershipState.ACTIVE else None
        # A token that was looked up after the change, and before it was heard of, says already what the change says.
        self._end(lambda actor: (actor.user_id, actor.organization_id) == meant and actor.permissions != granted)

    def _staff_changed(self, change: Change) -> None:
        meant, staff = change.data["user"], change.data["staff"]
        self._end(lambda actor: actor.user_id == meant and actor.staff is not staff)

    def _forget_all(self) -> None:
        self._end(lambda actor: True)

    def _end(self, meant: Callable[[Actor], bool]) -> None:
        self._generation += 1
        self._known = OrderedDict((d, known) for d, known in self._known.items() if not meant(known[0].actor))
        for credentials in self._live:
            if meant(credentials.actor):
                credentials.ended.set()
