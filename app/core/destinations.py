"""Where requests to URLs that users have given may go: to public addresses, each checked before it is connected to.

A name is looked up by DNS alone, without search domains or local tables. Every address of it is checked, and the
connection is made to one that was: no later answer of the name's owner leads anywhere else. What is connected to by
name all the same (the certificate, the `Host` header) stays as it was given.
"""

import asyncio
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import httpcore2
import httpx2
from dns.asyncresolver import Resolver
from dns.exception import DNSException
from dns.resolver import NXDOMAIN, LRUCache, NoAnswer

from app.core.errors import Invalid

Address = IPv4Address | IPv6Address

PORTS = frozenset({443, 8443})
MAX_URL = 2_000
"""Characters."""
LOOK_UP = 5.0
"""Seconds for a name."""
CONNECT = 3.0
"""Seconds for each address of a name that has several."""
_NAMES = 1_000
"""Names whose addresses are remembered for as long as their owners say."""
_LOCAL = "localhost"
_LOOPBACK: Sequence[Address] = (IPv4Address("127.0.0.1"), IPv6Address("::1"))

_DISGUISED = [
    ip_network(one)
    for one in (
        "::/96",  # IPv4-compatible
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",
        "2001::/32",  # Teredo
        "2002::/16",  # 6to4
        "fec0::/10",  # site-local, as it was once
        "192.88.99.0/24",  # 6to4 relays
    )
]
"""Networks that lead to other addresses, whatever these are."""


class UrlRefused(Invalid):
    """A URL that nothing is sent to."""

    code = "URL_REFUSED"


class Unreached(Exception):
    """There was no answer, or none that could be read; another time there may be."""


def is_public(address: Address) -> bool:
    """Whether an address belongs to somebody on the internet, and to nobody in here."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return is_public(address.ipv4_mapped)
    if any(address in network for network in _DISGUISED):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


class Destinations:
    """What may be asked: HTTPS at public addresses, and anything in the networks that are `allowed` besides."""

    def __init__(self, allowed: Iterable[str] = (), resolver: Resolver | None = None) -> None:
        self._allowed: list[IPv4Network | IPv6Network] = [ip_network(one, strict=False) for one in allowed]
        self._resolver = resolver

    def read(self, url: str) -> httpx2.URL:
        """The URL in its parts. Raises UrlRefused for one that is not, by what it says, asked."""
        try:
            read = httpx2.URL(url)
        except (httpx2.InvalidURL, ValueError):
            raise UrlRefused("This is no URL.") from None
        if len(url) > MAX_URL or not read.host or read.port == 0:
            raise UrlRefused("This is no URL.")
        if read.scheme != "https" and not (self._allowed and read.scheme == "http"):
            raise UrlRefused("The URL has to begin with https://.")
        if read.userinfo:
            raise UrlRefused("The URL holds a name or a password.")
        return read.copy_with(fragment=None)

    async def addresses(self, host: str, port: int) -> Sequence[Address]:
        """The checked addresses of a host. Raises UrlRefused if one of them is not asked, Unreached."""
        found = await self._look_up(host.strip("[]").rstrip(".").lower())
        for address in found:
            self._check(address, port)
        return found

    def _check(self, address: Address, port: int) -> None:
        plain = address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
        if any(plain in network for network in self._allowed):
            return
        if not is_public(address):
            raise UrlRefused("The URL leads to an address that is not public.")
        if port not in PORTS:
            raise UrlRefused("The URL names a port other than {ports}.", ports=", ".join(map(str, sorted(PORTS))))

    async def _look_up(self, host: str) -> Sequence[Address]:
        try:
            return [ip_address(host.partition("%")[0])]
        except ValueError:
            pass
        if host == _LOCAL or host.endswith(f".{_LOCAL}"):
            return _LOOPBACK
        if self._resolver is None:
            self._resolver = Resolver()
            self._resolver.cache = LRUCache(_NAMES)
        try:
            answers = await self._resolver.resolve_name(f"{host}.", lifetime=LOOK_UP, search=False)
        except (NXDOMAIN, NoAnswer):
            raise Unreached(f"{host} has no address") from None
        except (DNSException, UnicodeError) as error:
            raise Unreached(f"{host} could not be looked up: {type(error).__name__}") from None
        return sorted((ip_address(address) for address in answers.addresses()), key=lambda one: one.version)


class Pinned(httpcore2.AsyncNetworkBackend):
    """Connects to checked addresses and to no other, whatever is connected to."""

    def __init__(self, destinations: Destinations) -> None:
        self._destinations, self._network = destinations, httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore2's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Raises UrlRefused, Unreached, and httpcore2's errors."""
        *some, last = await self._destinations.addresses(host, port)
        for address in some:
            try:
                return await self._network.connect_tcp(str(address), port, min(timeout or CONNECT, CONNECT))
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._network.connect_tcp(str(last), port, timeout)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
