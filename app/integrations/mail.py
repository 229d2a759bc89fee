"""What providers of outgoing e-mail have in common: how they fail."""

from app.core.jobs import Permanent


class Rejected(Permanent):
    """The provider will never take this message; with `address`, none at all for this address."""

    def __init__(self, reason: str, *, address: bool = False) -> None:
        super().__init__(reason)
        self.address = address


class InDoubt(ConnectionError):
    """The message was on its way and no answer came: the provider may have taken it."""
