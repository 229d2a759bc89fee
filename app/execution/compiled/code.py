"""Source code in the making: the functions of one plan and the constants they name."""

from collections.abc import Iterable
from types import CoroutineType
from typing import Any

from graphql.pyutils import Undefined


class Code:
    """Functions are written one by one, and compiled together."""

    def __init__(self) -> None:
        self._names: dict[str, Any] = {
            "Coroutine": CoroutineType,
            "Undefined": Undefined,
            "INFINITY": float("inf"),
        }
        self._count = 0
        self._written: list[str] = []

    def name(self, prefix: str) -> str:
        """A name that nothing has yet."""
        self._count += 1
        return f"{prefix}{self._count}"

    def constant(self, value: Any, prefix: str = "constant") -> str:
        """The name by which the code can say this value."""
        name = self.name(prefix)
        self._names[name] = value
        return name

    def define(self, name: str, parameters: str, body: Iterable[str]) -> None:
        """Write a function; it exists when `build` was called."""
        self._written.append("\n".join([f"def {name}({parameters}):", *indented(body)]))

    def build(self) -> None:
        """Compile what was written since the last time."""
        written, self._written = "\n".join(self._written), []
        exec(compile(written, "<graphql>", "exec"), self._names)  # noqa: S102 - made of names, never of values

    def __getitem__(self, name: str) -> Any:
        return self._names[name]


def indented(lines: Iterable[str]) -> list[str]:
    return ["    " + line for line in lines]
