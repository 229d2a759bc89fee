"""Figures for people, and for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Contestant, Measurement
from benchmarks.jobs.crashes import QUIET, Crashes


def show(
    facts: Mapping[str, str], measurements: Sequence[Measurement], crashes: Crashes | None, console: Console
) -> None:
    """Print a table of the machine and one for each measurement: medians of the rounds unless the heading differs."""
    about = Table(title="Taken on", title_justify="left", show_header=False, box=SIMPLE_HEAD)
    for name, value in facts.items():
        about.add_row(name, value)
    console.print(about)
    for measurement in measurements:
        console.print(_table(measurement))
    if crashes:
        console.print(_crashes(crashes))


def as_json(facts: Mapping[str, str], measurements: Sequence[Measurement], crashes: Crashes | None) -> dict[str, Any]:
    """Every round of every contestant, and every crash."""
    shown = [
        {
            "title": measurement.title,
            "operations": measurement.operations,
            "contestants": [
                {"name": contestant.name, "rounds": [asdict(one) for one in contestant.rounds]}
                for contestant in measurement.contestants
            ],
        }
        for measurement in measurements
    ]
    return {"facts": dict(facts), "measurements": shown, "crashes": asdict(crashes) if crashes else None}


def _table(measurement: Measurement) -> Table:
    first = measurement.contestants[0].rounds[0]
    processes, also = list(first.cpu), list(first.also)
    *compared, limit = measurement.contestants
    headings = [f"{measurement.operations}\na second", "best\nround", "p50\nms", "p95\nms", "p99\nms", "longest\nms"]
    headings += [*also, *(f"{process}\nCPU µs" for process in processes), "errors"]
    headings += [measurement.beside] if compared else []
    table = Table(title=measurement.title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column(min_width=24, no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for contestant in measurement.contestants:
        cells = _cells(contestant, also, processes)
        if compared:
            cells.append(f"{contestant.median('rate') / limit.median('rate'):.2f}")
        table.add_row(contestant.name, *cells)
    return table


def _crashes(crashes: Crashes) -> Table:
    table = Table(title=crashes.title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column(min_width=24)
    late = f"missing, none\nin {QUIET:.0f} s"
    for heading in ("under way", late, "of them\nqueued", "begun more\nthan once", "last effect\nafter s"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in crashes.outcomes:
        table.add_row(one.name, str(one.begun), str(one.missing), str(one.queued), str(one.repeated), f"{one.last:.1f}")
    return table


def _cells(contestant: Contestant, also: Sequence[str], processes: Sequence[str]) -> list[str]:
    return [
        f"{contestant.median('rate'):,.0f}",
        f"{contestant.best:,.0f}",
        f"{contestant.median('p50'):,.1f}",
        f"{contestant.median('p95'):,.1f}",
        f"{contestant.median('p99'):,.1f}",
        f"{max(one.max for one in contestant.rounds):,.1f}",
        *(f"{contestant.median_also(heading):,.0f}" for heading in also),
        *(f"{contestant.median_cpu(process):,.0f}" for process in processes),
        str(contestant.errors),
    ]
