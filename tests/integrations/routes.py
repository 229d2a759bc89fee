"""Which call is answered by what, and which parameters it may have."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Answer = Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class Found:
    answer: Answer
    params: str
    """The type that says what may be sent."""
    ids: dict[str, str]
    path: str
    """With the names of the ids in it."""


class Routes:
    def __init__(self) -> None:
        self._known: list[tuple[str, str, re.Pattern[str], str, Answer]] = []

    def add(self, method: str, path: str, params: str, answer: Answer) -> None:
        pattern = re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path))
        self._known.append((method, path, pattern, params, answer))

    def wrap(self, path: str, around: Callable[[Answer], Answer]) -> None:
        """Let the calls of a path be answered otherwise from now on, knowing how they were."""
        for number, (method, template, pattern, params, answer) in enumerate(self._known):
            if template == path:
                self._known[number] = (method, template, pattern, params, around(answer))

    @property
    def params(self) -> list[str]:
        """Every type of parameters that is named."""
        return sorted({params for _, _, _, params, _ in self._known})

    def find(self, method: str, path: str) -> Found | None:
        for known, template, pattern, params, answer in self._known:
            if known == method and (match := pattern.fullmatch(path)):
                return Found(answer, params, match.groupdict(), template)
        return None
