"""Tables that people read at any width, and the same as JSON for programs."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import orjson
import typer
from rich.table import Table
from rich.text import Text

from app.cli.console import out
from app.core.clock import now
from app.core.logs import redact

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Cell = str | int | None

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def show(columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, rest: str | None = None, empty: str) -> None:
    """Print a table with one line a row. The column `rest` has what width is left, and is cut; `empty` stands for none.

    Columns of numbers are those whose names begin with `#`.
    """
    lines = [[_text(cell) for cell in row] for row in rows]
    if not lines:
        out.print(empty, markup=False)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), expand=rest is not None)
    for name in columns:
        last = name == rest
        table.add_column(
            name.removeprefix("#"),
            justify="right" if name.startswith("#") else "left",
            no_wrap=True,
            overflow="ellipsis",
            ratio=1 if last else None,
            min_width=8 if last else None,
        )
    for line in lines:
        table.add_row(*line)
    out.print(table)


def details(facts: Mapping[str, Cell]) -> None:
    """Print what is known of one thing, a fact a line; what is None is left out."""
    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        if value is not None:
            table.add_row(Text(name, style="bold"), _text(value))
    out.print(table)


def json(value: Any) -> None:
    """Print rows, dataclasses and plain values as JSON, without what looks like a secret."""
    print(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode())


def age(moment: datetime | None) -> str:
    """How long ago, such as "3 m"; "in 3 m" for what is to come."""
    if moment is None:
        return ""
    passed = now() - moment
    return span(passed) if passed >= timedelta(0) else f"in {span(-passed)}"


def span(length: timedelta) -> str:
    """A length of time in its largest whole unit, such as "3 m"."""
    seconds = length.total_seconds()
    unit, size = next(((unit, size) for unit, size in _UNITS if seconds >= size), _UNITS[-1])
    return f"{seconds // size:.0f} {unit}"


def line(text: str | None) -> str:
    """A text on one line, without what looks like a secret."""
    return " ".join(str(redact(text or "")).split())


def _text(cell: Cell) -> Text:
    return Text("" if cell is None else f"{cell:,}" if isinstance(cell, int) else cell)
