"""Manifests of operations, as the build of a client writes them: Apollo's and Relay's."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

APOLLO = "apollo-persisted-query-manifest"


class ManifestError(Exception):
    """A file that is no manifest, or one of no kind that is known."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation of a manifest; Relay's tell no names."""

    file: Path
    id: str
    text: str
    name: str | None

    def __str__(self) -> str:
        return f"{self.file}: {self.name or 'operation'} ({self.id})"


def read(file: Path) -> list[Entry]:
    """The operations in a manifest. Raises ManifestError.

    Apollo's is `{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{id, name, type, body}]}`,
    Relay's is an object of texts by their ids.
    """
    try:
        content = orjson.loads(file.read_bytes())
    except OSError as error:
        raise ManifestError(f"{file}: {error.strerror}.") from None
    except orjson.JSONDecodeError as error:
        raise ManifestError(f"{file} is not JSON: {error}.") from None
    if not isinstance(content, dict):
        raise ManifestError(f"{file} is neither a manifest of Apollo's nor one of Relay's: it is no object.")
    return list(_apollos(file, content) if "format" in content else _relays(file, content))


def _apollos(file: Path, content: dict[str, Any]) -> Iterator[Entry]:
    if (content["format"], content.get("version")) != (APOLLO, 1):
        raise ManifestError(f"{file} is not a manifest of the format {APOLLO}, version 1.")
    found = content.get("operations")
    if not isinstance(found, list):
        raise ManifestError(f"{file} has no list of `operations`.")
    for number, one in enumerate(found):
        members = one if isinstance(one, dict) else {}
        id, name, body = members.get("id"), members.get("name"), members.get("body")
        if not (isinstance(id, str) and isinstance(name, str) and isinstance(body, str)):
            raise ManifestError(f"{file}: operations[{number}] must have the strings `id`, `name` and `body`.")
        yield Entry(file, _id(id), body, name)


def _relays(file: Path, content: dict[str, Any]) -> Iterator[Entry]:
    for id, text in content.items():
        if not isinstance(text, str):
            raise ManifestError(f"{file}: {id} must be the text of an operation.")
        yield Entry(file, _id(id), text, None)


def _id(written: str) -> str:
    """As requests are read: a SHA-256 may be written `sha256:<digits>`."""
    return written.removeprefix("sha256:")
