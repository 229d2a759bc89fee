"""Incremental delivery in the format of August 2022, which names each part by its path and its label.

Source: https://github.com/graphql/graphql-spec/tree/48cf7263a71a683fab03d45d309fd42d8d9a6659 (Apollo's
`deferSpec=20220824`; urql and Relay read it as well).
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from app.api.incremental import Payload


async def translated(payloads: AsyncGenerator[Payload, None]) -> AsyncGenerator[Payload, None]:
    """The payloads of one answer, from the current format to that of 2022."""
    translation = _Translation()
    async with aclosing(payloads):
        async for payload in payloads:
            shown = translation.of(payload)
            if shown is not None:
                yield shown


class _Translation:
    """What is known of one answer.

    The current format never repeats a field, and cuts a fragment into pieces where it shares objects with what was
    delivered already. Clients of 2022 wait for each fragment whole, at its own path: so what lies on the way to a piece
    is repeated, as far as it is known.
    """

    def __init__(self) -> None:
        self._data: Any = None
        self._pending: dict[str, dict[str, Any]] = {}

    def of(self, payload: Payload) -> Payload | None:
        """The payload in the format of 2022, None if there is nothing to say. Changes the one that was given."""
        self._pending.update((part["id"], part) for part in payload.pop("pending", ()))
        if "data" in payload:
            self._data = payload["data"]
            return payload
        shown: list[Payload] = []
        fragments: dict[str, list[Payload]] = {}
        for piece in payload.get("incremental", ()):
            if "items" in piece:
                shown.append(self._items(piece))
            else:
                self._at(self._path(piece)).update(piece["data"])
                fragments.setdefault(piece["id"], []).append(piece)
        for end in payload.get("completed", ()):
            if "errors" in end:
                shown.append(self._failed(end))
            elif not isinstance(self._at(self._pending[end["id"]]["path"]), list):
                fragments.setdefault(end["id"], [])
        shown += [self._fragment(id, pieces) for id, pieces in fragments.items()]
        if shown:
            return {"incremental": shown, "hasNext": payload["hasNext"]}
        return None if payload["hasNext"] else {"hasNext": False}

    def _items(self, piece: Payload) -> Payload:
        path = self._path(piece)
        known = self._at(path)
        first = len(known)
        known.extend(piece["items"])
        return self._named(piece["id"], [*path, first], items=piece["items"], errors=piece.get("errors"))

    def _fragment(self, id: str, pieces: Sequence[Payload]) -> Payload:
        path = self._pending[id]["path"]
        known = self._at(path)
        fields: dict[str, Any] = {}
        errors: list[Any] = []
        for piece in pieces:
            names = piece["subPath"][:1] if "subPath" in piece else piece["data"]
            fields.update((name, known[name]) for name in names)
            errors += piece.get("errors", ())
        return self._named(id, path, data=fields, errors=errors)

    def _failed(self, end: Payload) -> Payload:
        path = self._pending[end["id"]]["path"]
        known = self._at(path)
        if isinstance(known, list):
            return self._named(end["id"], [*path, len(known)], items=None, errors=end["errors"])
        return self._named(end["id"], path, data=None, errors=end["errors"])

    def _path(self, piece: Payload) -> list[str | int]:
        return [*self._pending[piece["id"]]["path"], *piece.get("subPath", ())]

    def _at(self, path: Sequence[str | int]) -> Any:
        value = self._data
        for key in path:
            value = value[key]
        return value

    def _named(self, id: str, path: Sequence[str | int], *, errors: Sequence[Any] | None, **brings: Any) -> Payload:
        shown: Payload = {**brings, "path": path}
        if "label" in self._pending[id]:
            shown["label"] = self._pending[id]["label"]
        if errors:
            shown["errors"] = errors
        return shown
