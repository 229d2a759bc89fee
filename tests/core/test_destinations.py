"""R62: no URL that a user can give leads to where the public does not come."""

import asyncio
from collections.abc import AsyncIterator
from ipaddress import ip_address

import pytest

from app.core.destinations import Destinations, Pinned, Unreached, UrlRefused, is_public
from tests.nameserver import NameServer, name_server

LOOPBACK = ("A", "127.0.0.1")
NAMES = {
    **{
        name: [LOOPBACK]
        for name in ("127.1", "2130706433", "0x7f000001", "0177.0.0.1", "017700000001", "0x7f.1", "127.0.1", "0")
    },
    "private.example": [("A", "10.0.0.7")],
    "half.example": [("A", "8.8.8.8"), LOOPBACK],
    "six.example": [("AAAA", "::1")],
    "mapped.example": [("AAAA", "::ffff:127.0.0.1")],
    "alias.example": [("CNAME", "other.example.")],
    "other.example": [("CNAME", "third.example.")],
    "third.example": [LOOPBACK],
    "public.example": [("A", "8.8.8.8")],
    "rebound.example": [("A", "8.8.8.8")],
}
"""What the worst of name servers answers."""

HOSTS = r"""
    127.0.0.1 127.0.0.1. 127.1 2130706433 0x7f000001 0177.0.0.1 017700000001 0x7f.1 127.0.1 0 0.0.0.0
    127.255.255.254 10.0.0.1 172.16.0.1 172.31.255.255 192.168.0.1 169.254.169.254 169.254.170.2 100.64.0.1
    100.127.255.254 192.0.0.1 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.250 240.0.0.1
    255.255.255.255 192.88.99.1 [::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:10.0.0.1] [::127.0.0.1]
    [64:ff9b::7f00:1] [64:ff9b::a9fe:a9fe] [64:ff9b:1::1] [2002:7f00:1::] [2002:a9fe:a9fe::] [2001::1] [fc00::1]
    [fd00:ec2::254] [fe80::1] [fe80::1%25eth0] [fec0::1] [ff02::1] [100::1] [2001:db8::1] localhost LOCALHOST
    localhost. a.localhost １２７.０.０.１ 127。0。0。1 ①②⑦.0.0.1 private.example half.example six.example
    mapped.example
    alias.example third.example. public.example@127.0.0.1 127.0.0.1#@public.example 127.0.0.1\@public.example
    127.0.0.1%00.example
""".split()  # noqa: SIM905 - legible so
URLS = [
    *(f"https://{host}/hook" for host in HOSTS),
    *(f"http://{host}/" for host in ("127.0.0.1", "public.example")),
    *(f"{scheme}://127.0.0.1/" for scheme in ("gopher", "file", "ftp", "unix", "ws", "dict")),
    *(f"https://8.8.8.8:{port}/" for port in (22, 25, 80, 6379, 27017, 0, 65_536)),
    *("file:///etc/passwd", "https:///", "https://", "//127.0.0.1/", "127.0.0.1", "", "https://[::1", "https://a b/"),
    "https://" + "a" * 3_000 + ".example/",
]


@pytest.fixture(scope="module")
async def names() -> AsyncIterator[NameServer]:
    async with name_server(dict(NAMES)) as server:
        yield server


async def connected(destinations: Destinations, url: str) -> None:
    """Go as far as a request goes before it is sent."""
    read = destinations.read(url)
    await Pinned(destinations).connect_tcp(read.host, read.port or 443, 0.2)


async def test_nothing_in_here_is_reached(names: NameServer) -> None:
    arrived: list[str] = []
    canaries = [
        await asyncio.start_server(lambda _, writer: arrived.append(str(writer)), host, 0)
        for host in ("127.0.0.1", "::1")
    ]
    ports = {server.sockets[0].getsockname()[1] for server in canaries}
    destinations, outcomes = Destinations(resolver=names.resolver()), {}
    for url in [*URLS, *(f"https://{host}:{port}/" for host in HOSTS[:12] for port in ports)]:
        try:
            await connected(destinations, url)
        except UrlRefused:
            continue
        except Exception as error:
            outcomes[url] = error
            continue
        outcomes[url] = None  # type: ignore[assignment]
    for server in canaries:
        server.close()
    assert len(URLS) > 60
    assert arrived == []
    # What is not refused is no name to anybody.
    assert all(isinstance(error, Unreached) for error in outcomes.values()), outcomes
    assert len(outcomes) <= 2, outcomes


async def test_a_name_that_leads_elsewhere_the_second_time_leads_nowhere(names: NameServer) -> None:
    names.flipping["rebound.example"] = [LOOPBACK]
    destinations = Destinations(resolver=names.resolver())
    names.asked.clear()
    assert [str(one) for one in await destinations.addresses("rebound.example", 443)] == ["8.8.8.8"]
    assert sorted(names.asked) == ["rebound.example A", "rebound.example AAAA"]  # asked once: what was checked is used
    with pytest.raises(UrlRefused):
        await destinations.addresses("rebound.example", 443)


async def test_what_an_operator_allows_is_reached_in_the_clear_too(names: NameServer) -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    allowed = Destinations(["127.0.0.0/8"], names.resolver())
    for host in ("127.0.0.1", "[::ffff:127.0.0.1]", "third.example"):
        read = allowed.read(f"http://{host}:{port}/")
        stream = await Pinned(allowed).connect_tcp(read.host, port, 2)
        await stream.aclose()
    for url in ("http://10.0.0.1/", f"http://8.8.8.8:{port}/"):
        with pytest.raises(UrlRefused):
            await connected(allowed, url)
    server.close()


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are(address: str) -> None:
    assert is_public(ip_address(address))
