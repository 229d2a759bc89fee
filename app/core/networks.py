"""Which addresses are admitted: lists of networks (CIDR), IPv4 and IPv6, made ready to be asked for every request."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Annotated

from pydantic import AfterValidator, Field

from app.core.errors import Forbidden
from app.core.words import words

MOST = 200
"""Networks in a list."""


class AddressRefused(Forbidden):
    """Nobody is admitted from this address."""

    code = "ADDRESS_REFUSED"


def _network(value: str) -> str:
    try:
        return str(ip_network(value, strict=False))
    except ValueError:
        raise ValueError(
            words("“{network}” is no network: give an address, or one such as 192.0.2.0/24.", network=value)
        ) from None


Network = Annotated[str, Field(min_length=2, max_length=50), AfterValidator(_network)]
Networks = Annotated[list[Network], Field(max_length=MOST)]


class Rules:
    """Networks that are admitted, all if none is named, but for those that are denied."""

    __slots__ = ("_allowed", "_denied", "open")

    def __init__(self, allowed: Iterable[str], denied: Iterable[str]) -> None:
        self._allowed, self._denied = _masks(allowed), _masks(denied)
        self.open = not self._allowed and not self._denied

    def admit(self, address: str) -> bool:
        """Whether somebody may come from this address; from one that cannot be read only where everybody may."""
        if self.open:
            return True
        try:
            read = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(read, IPv6Address) and read.ipv4_mapped:
            read = read.ipv4_mapped
        number, version = int(read), read.version
        if any(v == version and number & mask == value for v, mask, value in self._denied):
            return False
        return not self._allowed or any(v == version and number & mask == value for v, mask, value in self._allowed)


def rules(allowed: Sequence[str], denied: Sequence[str]) -> Rules:
    """The rules of two lists, made once for equal ones."""
    return _made(tuple(allowed), tuple(denied)) if allowed or denied else OPEN


@lru_cache(maxsize=1_000)
def _made(allowed: tuple[str, ...], denied: tuple[str, ...]) -> Rules:
    return Rules(allowed, denied)


def _masks(networks: Iterable[str]) -> tuple[tuple[int, int, int], ...]:
    """The version, mask and first address of each network, as numbers."""
    read = [ip_network(one) for one in networks]
    return tuple((one.version, int(one.netmask), int(one.network_address)) for one in read)


OPEN = Rules((), ())
"""Everybody is admitted."""
