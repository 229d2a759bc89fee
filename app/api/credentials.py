"""What the door knows of a caller, and how it learns it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from app.core import clock
from app.core.actor import ANONYMOUS, Actor
from app.core.networks import AddressRefused, Rules
from app.core.rates import Meter
from app.services.identity.signatures import Signature


class Ending:
    """A moment that comes once, if ever; thousands of sockets may wait for it without a task each."""

    __slots__ = ("_calls", "_come")

    def __init__(self) -> None:
        self._come = False
        self._calls: dict[Callable[[], None], None] = {}

    def is_set(self) -> bool:
        return self._come

    def set(self) -> None:
        self._come = True
        while self._calls:
            self._calls.popitem()[0]()

    def call(self, function: Callable[[], None]) -> None:
        """Call a function when it comes, or now if it has."""
        if self._come:
            function()
        else:
            self._calls[function] = None

    def forget(self, function: Callable[[], None]) -> None:
        self._calls.pop(function, None)

    async def wait(self) -> None:
        come = asyncio.Event()
        self.call(come.set)
        try:
            await come.wait()
        finally:
            self.forget(come.set)


@dataclass(slots=True, eq=False, weakref_slot=True)
class Credentials:
    """A caller: the actor, when the token ends (seconds since the epoch), a flag raised when it is revoked earlier."""

    actor: Actor
    expires_at: float | None = None
    ended: Ending = field(default_factory=Ending)
    rules: tuple[Rules, ...] = ()
    """From where this caller may come."""
    meters: tuple[Meter, ...] | None = field(default=None, repr=False)
    """What requests are paid from; None until it is looked up."""
    _holders: int = field(default=0, init=False, repr=False)
    _expiry: asyncio.TimerHandle | None = field(default=None, init=False, repr=False)

    @property
    def known(self) -> bool:
        """Whether it is somebody's."""
        return self.actor.user_id is not None or self.actor.key_id is not None

    def must_admit(self, address: str) -> None:
        """Raises AddressRefused."""
        if not all(rules.admit(address) for rules in self.rules):
            raise AddressRefused("Nobody is admitted from your address, {address}.", address=address)

    def hold(self, end: Callable[[], None]) -> None:
        """Call a function when the token ends or is revoked, until it is released."""
        self._holders += 1
        self._wait()
        self.ended.call(end)

    def release(self, end: Callable[[], None]) -> None:
        self.ended.forget(end)
        self._holders -= 1
        if self._holders == 0:
            self._wait_no_more()

    def end_by(self, moment: float) -> None:
        """Let the token end at a moment (seconds since the epoch), unless it ends earlier."""
        if self.expires_at is None or moment < self.expires_at:
            self.expires_at = moment
            self._wait_no_more()
            if self._holders:
                self._wait()

    def _wait(self) -> None:
        if self._expiry is None and self.expires_at is not None:
            left = self.expires_at - clock.source()
            self._expiry = asyncio.get_running_loop().call_later(max(0.0, left), self.ended.set)

    def _wait_no_more(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None


Authenticate = Callable[[str | None], Awaitable[Credentials]]
"""From an `Authorization` value ("Bearer ...", or None for nobody) to credentials. Raises Unauthenticated."""

Recognise = Callable[[Signature], Awaitable[Credentials]]
"""From the signature of a request to credentials, which are for this request only. Raises Unauthenticated."""


async def anonymous(authorization: str | None) -> Credentials:
    """The door of a schema that asks nobody who they are."""
    return Credentials(ANONYMOUS)
