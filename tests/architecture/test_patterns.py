"""S20: no pattern in the code can be made to take for ever by a text that somebody sends."""

import ast
import multiprocessing
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, files

LONG = 50_000
OURS = ("app/cli", "app/dev", "app/seeds")
"""What is matched here, nobody but us has written."""
PATIENCE = 20.0
"""Seconds for a dozen texts; a pattern that backtracks takes years, one that does not takes a blink."""


def patterns() -> Iterator[tuple[Path, str]]:
    for path in files("app"):
        if path.relative_to(ROOT).as_posix().startswith(OURS):
            continue
        for pattern in patterns_in(path.read_text()):
            yield path, pattern


def patterns_in(source: str) -> Iterator[str]:
    """Every literal pattern given to `re`, or as a `pattern=` to a field."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        given = [keyword.value for keyword in node.keywords if keyword.arg == "pattern"]
        if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "re":
            given += node.args[:1]
        for one in given:
            if isinstance(one, ast.Constant) and isinstance(one.value, str | bytes):
                yield one.value if isinstance(one.value, str) else one.value.decode("latin-1")


def attacks(pattern: str) -> Iterator[str]:
    """Long texts that nearly match: what the pattern itself is made of, over and over, and an end that does not fit."""
    parts = {"a", "0", " ", "-", ".", "a0", "a-", "a ", "A_", *re.findall(r"[^\\\[\](){}?*+|^$]", pattern)}
    for part in sorted(parts):
        yield part * (LONG // len(part)) + "\0"


def _match(pattern: str) -> None:
    compiled = re.compile(pattern)
    for text in attacks(pattern):
        compiled.match(text)
        compiled.fullmatch(text)
        compiled.search(text[-LONG // 10 :])  # which starts anew at each place


def _ends(pattern: str, seconds: float) -> bool:
    process = multiprocessing.get_context("fork").Process(target=_match, args=(pattern,))
    process.start()
    process.join(seconds)
    if process.is_alive():
        process.kill()
        process.join()
        return False
    return process.exitcode == 0


def test_there_are_patterns() -> None:
    assert len(set(patterns())) > 10


@pytest.mark.parametrize("pattern", sorted({pattern for _, pattern in patterns()}))
def test_a_pattern_ends(pattern: str) -> None:
    assert _ends(pattern, PATIENCE)


def test_one_that_backtracks_is_caught() -> None:
    assert not _ends("(a+)+$", 2.0)
