"""The figures as Markdown: for docs/performance.md, and for the terminal."""

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.figures import Contestant, Measurement
from benchmarks.peers.contenders import ATRIUM
from benchmarks.peers.goals import SERVER, Goal, Ratio, Verdict, ratios

Table = list[list[str]]


def markdown(facts: Mapping[str, str], measurements: Sequence[Measurement], verdicts: Sequence[Verdict]) -> str:
    """Every table, without a heading of its own."""
    contestants = [contestant for measurement in measurements for contestant in measurement.contestants]
    rounds = " and ".join(map(str, sorted({len(contestant.rounds) for contestant in contestants})))
    errors = sum(contestant.errors for contestant in contestants)
    parts = [
        "\n".join(f"- {name}: {value}" for name, value in facts.items()),
        f"Rounds: {rounds}. Figures are medians, in brackets the least and the most of the rounds. Errors: {errors}.",
    ]
    if verdicts:
        parts += ["### Goals", _rows(_goals(verdicts), words=2)]
    for measurement in measurements:
        parts += [f"### {measurement.title}", _rows(_figures(measurement))]
    return "\n\n".join(parts) + "\n"


def _goals(verdicts: Sequence[Verdict]) -> Table:
    rows = [
        [*_words(verdict.goal), _wanted(verdict.goal), _spread(verdict), "met" if verdict.met else "**not met**"]
        for verdict in verdicts
    ]
    return [["", "", "wanted", "reached", ""], *rows]


def _words(goal: Goal) -> tuple[str, str]:
    """What is judged, and beside whom or by which figure."""
    subject = goal.title if goal.who == ATRIUM.name else f"{goal.title} ({goal.who})"
    return subject, f"CPU of {goal.beside} / of it" if isinstance(goal, Ratio) else goal.words


def _wanted(goal: Goal) -> str:
    return f"{goal.least:g} or more" if isinstance(goal, Ratio) else f"{goal.most:g} or less"


def _spread(verdict: Verdict) -> str:
    return f"{_number(verdict.reached)} ({_number(verdict.least)} to {_number(verdict.most)})"


def _figures(measurement: Measurement) -> Table:
    first = measurement.contestants[0]
    also = list(first.rounds[0].also)
    others = [name for name in first.rounds[0].cpu if name != SERVER]
    head = ["", "CPU µs", f"CPU / {first.name}", f"{measurement.operations}/s", "p50 ms", "p99 ms"]
    head += [heading.replace("\n", " ") for heading in also]
    head += [f"{name} CPU µs" for name in others]
    return [head, *(_row(contestant, first, also, others) for contestant in measurement.contestants)]


def _row(one: Contestant, first: Contestant, also: Iterable[str], others: Iterable[str]) -> list[str]:
    spent, rates = [round.cpu[SERVER] for round in one.rounds], [round.rate for round in one.rounds]
    beside = ratios(first, one)
    return [
        one.name,
        f"{_number(one.median_cpu(SERVER))} ({_number(min(spent))} to {_number(max(spent))})",
        f"{one.median_cpu(SERVER) / first.median_cpu(SERVER):.2f} ({min(beside):.2f} to {max(beside):.2f})",
        f"{one.median('rate'):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})",
        f"{one.median('p50'):,.1f}",
        f"{one.median('p99'):,.1f}",
        *(_number(one.median_also(heading)) for heading in also),
        *(_number(one.median_cpu(name)) for name in others),
    ]


def _number(value: float) -> str:
    """Three digits or so: what is beyond is noise."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _rows(table: Table, words: int = 1) -> str:
    """The table, whose first columns are words and whose others are numbers."""
    head, *rows = table
    lines = [head, ["---"] * words + ["---:"] * (len(head) - words), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
