"""R75: where money is counted there are no fractions: a float loses cents where nobody looks."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "app"
MONEY = [
    APP / "core/money.py",
    *sorted((APP / "core/ledger").rglob("*.py")),
    *(path for domain in ("billing", "ledger") for path in sorted(APP.glob(f"*/{domain}/**/*.py"))),
]


def fractions(source: str) -> Iterator[str]:
    """Where a fraction is written, made or asked for."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Constant(value=float()):
                yield f"line {node.lineno}: a number with a point"
            case ast.Name(id="float"):
                yield f"line {node.lineno}: float"
            case ast.BinOp(op=ast.Div(), right=ast.Constant(value=str()) | ast.JoinedStr()):
                pass  # of a path
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                yield f"line {node.lineno}: a division with “/”"
            case ast.Call(func=ast.Name(id="round")):
                yield f"line {node.lineno}: round(), which does not say how"


def test_the_source_is_here() -> None:
    assert len(MONEY) > 20


@pytest.mark.parametrize("path", MONEY, ids=lambda path: str(path.relative_to(APP)))
def test_money_is_whole(path: Path) -> None:
    assert list(fractions(path.read_text())) == []


@pytest.mark.parametrize("bad", ["a = 0.5", "float('1')", "a / b", "a /= 2", "round(a)", "def f(a: float): ..."])
def test_a_fraction_is_caught(bad: str) -> None:
    assert list(fractions(bad))


def test_whole_numbers_are_not() -> None:
    assert list(fractions("a = 5 // 2 * int('3')\nrounded(a, 2)\nFOLDER / 'x' / f'{a}'")) == []
