"""What compressing answers costs and saves: `python -m benchmarks.compression FILE...`, each the body of an answer."""

import time
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import brotli
import typer
from backports import zstd
from rich.console import Console
from rich.table import Table

ROUNDS, SECONDS = 5, 0.05


def candidates() -> Iterator[tuple[str, Callable[[bytes], bytes]]]:
    for level in (1, 3, 5, 7):
        yield f"zstd {level}", partial(zstd.compress, level=level)
    for level in (1, 3, 4, 5):
        yield f"br {level}", partial(brotli.compress, quality=level)
    for level in (1, 4, 6):
        yield f"gzip {level}", partial(zlib.compress, level=level, wbits=31)


def seconds(call: Callable[[], object]) -> float:
    """Processor seconds of one call: the best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        calls, begun = 0, time.process_time()
        while time.process_time() < begun + SECONDS:
            call()
            calls += 1
        best = min(best, (time.process_time() - begun) / calls)
    return best


def main(files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False)]) -> None:
    for file in files:
        body = file.read_bytes()
        table = Table("coding", "bytes", "times smaller", "µs", "µs per KB", title=f"{file.name}, {len(body):,} bytes")
        for name, compress in candidates():
            cost, size = seconds(partial(compress, body)) * 1e6, len(compress(body))
            table.add_row(name, f"{size:,}", f"{len(body) / size:.1f}", f"{cost:.0f}", f"{cost * 1024 / len(body):.1f}")
        Console().print(table)


if __name__ == "__main__":
    typer.run(main)
