"""Which media type to answer with. Source: RFC 9110, 12.5.1; GraphQL over HTTP, "Accept"."""

from enum import StrEnum
from functools import lru_cache

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
EVENTS = "text/event-stream"
HTML = "text/html"
MULTIPART = "multipart/mixed"


class Format(StrEnum):
    """How an answer in parts is written, by the parameter of `multipart/mixed` that asks for it."""

    OF_2022 = "deferSpec=20220824"
    CURRENT = "incrementalSpec=v0.2"


@lru_cache(maxsize=256)
def preferred(accept: str, *offered: str) -> str | None:
    """The offered type that the client wants most, the first if it does not mind; None if it accepts none."""
    if not accept.strip():
        return offered[0]
    ranked = [(*_weight(accept, media), -place, media) for place, media in enumerate(offered)]
    best = max(ranked)
    return best[-1] if best[0] > 0 else None


def names(accept: str, media: str) -> bool:
    """Whether the client accepts this very type, not just any."""
    ranges = (part.split(";") for part in accept.lower().split(","))
    return any(wanted.strip() == media and quality(parameters) > 0 for wanted, *parameters in ranges)


@lru_cache(maxsize=256)
def parts(accept: str) -> Format | None:
    """The format in which the client takes an answer in parts; None if it takes none that is written here.

    One that does not say which takes that of 2022: urql reads the other only in part, and Relay not at all.
    """
    for part in accept.split(","):
        wanted, *parameters = (word.strip() for word in part.split(";"))
        if wanted.lower() != MULTIPART or quality(parameters) <= 0:
            continue
        asked = [parameter.replace('"', "") for parameter in parameters if "spec=" in parameter.lower()]
        for format in Format:
            if asked in ([], [format]):
                return format
    return None


def _weight(accept: str, media: str) -> tuple[float, int]:
    """The quality that the most specific range gives to a type, and how early that range stands (0, -1, -2, ...)."""
    found = (-1, 0.0, 0)
    for place, part in enumerate(accept.lower().split(",")):
        wanted, *parameters = part.split(";")
        specific = _matches(wanted.strip(), media)
        if specific > found[0]:
            found = (specific, quality(parameters), -place)
    return found[1:]


def _matches(wanted: str, media: str) -> int:
    """How specifically a range names a type: 2 exactly, 1 by its main type, 0 by `*/*`, -1 not at all."""
    if wanted == media:
        return 2
    if wanted == media.split("/")[0] + "/*":
        return 1
    return 0 if wanted == "*/*" else -1


def quality(parameters: list[str]) -> float:
    """The `q` among the parameters of a range, from 0 to 1; 1 if there is none, 0 if it is no number."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return max(0.0, min(float(value), 1.0))  # in this order NaN is 0
            except ValueError:
                return 0.0
    return 1.0
