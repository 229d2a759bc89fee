"""Compressed answers: which coding a client takes, and a body in it. Source: RFC 9110, 8.4 and 12.5.3.

Levels are those beyond which a page of this schema gets hardly smaller (docs/performance.md).

The length of a compressed body tells of a secret in it when somebody else's text stands beside (BREACH). So answers to
mutations are never compressed: they alone hold tokens, and they repeat what was sent. Queries answer no secret of the
server; and no foreign page can make a browser ask in somebody's name, since nothing that it adds by itself signs in.
"""

import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache

import brotli
from backports import zstd

from app.api.negotiation import quality

ENOUGH = 1_024
"""Bytes from which on it is worth it: a smaller answer fits into one packet anyway."""
_ZSTD, _BROTLI, _GZIP = 3, 3, 4
_GZIP_WINDOW = 31  # 15 bits, and 16 for the header of gzip

CODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "zstd": lambda body: zstd.compress(body, _ZSTD),
    "br": lambda body: brotli.compress(body, quality=_BROTLI),
    "gzip": lambda body: zlib.compress(body, _GZIP, _GZIP_WINDOW),
}
"""From what costs least; of those that a client likes best, the first is taken."""


def compressed(body: bytes, accept_encoding: str) -> tuple[bytes, str | None]:
    """The body as the client wants it, and its `Content-Encoding`; None when it is left as it is."""
    name = coding(len(body), accept_encoding)
    return (body, None) if name is None else (CODINGS[name](body), name)


def coding(length: int, accept_encoding: str) -> str | None:
    """The coding for a body of this length by a request's `Accept-Encoding` ("" if it has none); None is none."""
    if not accept_encoding:
        return None
    name, needed = _choice(accept_encoding)
    return name if needed or length >= ENOUGH else None


@lru_cache(maxsize=256)
def _choice(accept_encoding: str) -> tuple[str | None, bool]:
    """The coding that the client likes best, None for plain text, and whether it refuses plain text."""
    weights: dict[str, float] = {}
    for part in accept_encoding.lower().split(","):
        name, *parameters = part.split(";")
        weights[name.strip().removeprefix("x-")] = quality(parameters)
    others = weights.get("*", 0.0)
    plain = weights.get("identity", weights.get("*"))
    best = max(CODINGS, key=lambda name: weights.get(name, others))
    wanted = weights.get(best, others)
    if wanted == 0 or (plain is not None and plain > wanted):
        return None, False
    return best, plain == 0
