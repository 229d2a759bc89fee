"""Requests to URLs that users have given, such as webhooks: the one way out to servers that nobody here has chosen.

No redirect is followed, no proxy of the environment is asked, nothing is decompressed, and of an answer no more is read
than is kept.
"""

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import httpcore2

from app.core.destinations import Destinations, Pinned, Unreached
from app.core.outside import Outside
from app.core.settings import settings

TIMEOUT = 15.0
"""Seconds for everything: looking up, connecting, sending, and the answer."""
CONNECT = 5.0
MAX_BYTES = 64 * 1024
"""How much of an answer is read."""
CONNECTIONS = 200
_PORTS = {"http": 80, "https": 443}
_KEPT = 10.0
"""Seconds for which an idle connection stays open."""

SERVER = Outside("egress", timeout=TIMEOUT, concurrency=CONNECTIONS, waiting=1_000, sick=())
"""No error opens its circuit: what one stranger's server does says nothing of another's."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server has answered: of the body its first MAX_BYTES."""

    status: int
    headers: Mapping[str, str]
    """By names in lower case."""
    body: bytes
    seconds: float


class Egress:
    """A client for some destinations. It trusts whom the system trusts, unless it is told otherwise."""

    def __init__(self, destinations: Destinations, trust: ssl.SSLContext | None = None) -> None:
        self._destinations = destinations
        self._pool = httpcore2.AsyncConnectionPool(
            trust or httpcore2.default_ssl_context(),
            max_connections=CONNECTIONS,
            keepalive_expiry=_KEPT,
            network_backend=Pinned(destinations),
        )

    async def check(self, url: str) -> None:
        """Raises UrlRefused for a URL that nothing is sent to, as far as it can be told now, and Away."""
        read = self._destinations.read(url)
        async with SERVER.call():
            try:
                await self._destinations.addresses(read.host, read.port or _PORTS[read.scheme])
            except Unreached:
                return  # the name may not be set up yet

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a body. Raises UrlRefused, Unreached, and Away while there is too much to send."""
        read, started = self._destinations.read(url), time.perf_counter()
        to = httpcore2.URL(scheme=read.raw_scheme, host=read.raw_host, port=read.port, target=read.raw_path)
        sent = {"Host": read.netloc.decode(), "Accept-Encoding": "identity", "User-Agent": "Atrium", **headers}
        timeouts = {"connect": CONNECT, "read": TIMEOUT, "write": TIMEOUT, "pool": TIMEOUT}
        try:
            async with (
                SERVER.call(),
                self._pool.stream(
                    "POST", to, headers=list(sent.items()), content=body, extensions={"timeout": timeouts}
                ) as response,
            ):
                content = bytearray()
                async for chunk in response.aiter_stream():
                    content += chunk[: MAX_BYTES - len(content)]
                    if len(content) == MAX_BYTES:
                        break
        except (TimeoutError, httpcore2.TimeoutException):
            raise Unreached("it took too long") from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError, ssl.SSLError, OSError) as error:
            raise Unreached(_short(error)) from None
        answered = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
        return Answer(response.status, answered, bytes(content), time.perf_counter() - started)

    async def close(self) -> None:
        """Let go of idle connections."""
        async with SERVER.call():
            await self._pool.aclose()


@cache
def egress() -> Egress:
    """The client of this process."""
    networks = settings().egress_networks
    return Egress(Destinations(networks.split(",") if networks else ()))


def _short(error: Exception) -> str:
    words = str(error) or type(error).__name__
    return words[:200]
