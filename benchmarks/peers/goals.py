"""What Atrium is meant to reach beside its peers, and whether it did."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.figures import Contestant, Measurement
from benchmarks.peers import contenders, fanout, memory, mongodb, real

SERVER = "server"


@dataclass(frozen=True, slots=True)
class Ratio:
    """The processor time of `beside` for one operation, at least so many times that of `who`."""

    title: str
    who: str
    beside: str
    least: float


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of `who` under a heading, in words, that is this or less."""

    title: str
    who: str
    heading: str
    words: str
    most: float


Goal = Ratio | Figure


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was reached: the median, and the least and the most of the rounds."""

    goal: Goal
    reached: float
    least: float
    most: float

    @property
    def met(self) -> bool:
        return self.reached >= self.goal.least if isinstance(self.goal, Ratio) else self.reached <= self.goal.most


_LARGEST = fanout.title(fanout.LARGEST)
_ATRIUM, _FULL = contenders.ATRIUM.name, contenders.FULL.name

GOALS: tuple[Goal, ...] = (
    Ratio(memory.TITLE, _ATRIUM, contenders.APOLLO.name, 4),
    Ratio(memory.TITLE, _ATRIUM, contenders.YOGA.name, 5),
    Ratio(memory.TITLE, _ATRIUM, contenders.MERCURIUS.name, 1),
    Ratio(memory.TITLE, _ATRIUM, contenders.BY_HAND.name, 0.9),
    Ratio(memory.TITLE, _FULL, _ATRIUM, 0.9),
    Ratio(mongodb.TITLE, _ATRIUM, contenders.APOLLO.name, 5),
    Ratio(mongodb.TITLE, _ATRIUM, contenders.MERCURIUS.name, 2),
    Ratio(mongodb.TITLE, _ATRIUM, contenders.BY_HAND.name, 1.3),
    Ratio(real.TITLE, real.COMPILED, real.STOCK, 8),
    Ratio(real.TITLE, real.COMPILED, real.BY_HAND, 1),
    Ratio(_LARGEST, _ATRIUM, contenders.SOCKET_IO.name, 2),
    Ratio(_LARGEST, _ATRIUM, contenders.GRAPHQL_WS.name, 5),
    Ratio(_LARGEST, _ATRIUM, contenders.STRAWBERRY.name, 25),
    Figure(_LARGEST, _ATRIUM, fanout.KB, "kB of memory for each idle socket", 20),
    Figure(_LARGEST, _ATRIUM, fanout.RATIO, "p95 of HTTP during bursts / when quiet", 3),
)


def judged(measurements: Sequence[Measurement], goals: Sequence[Goal] = GOALS) -> list[Verdict]:
    """A verdict on each goal whose measurement was taken."""
    taken = {measurement.title: measurement for measurement in measurements}
    return [_judged(goal, taken[goal.title]) for goal in goals if goal.title in taken]


def _judged(goal: Goal, measurement: Measurement) -> Verdict:
    by_name = {contestant.name: contestant for contestant in measurement.contestants}
    if isinstance(goal, Figure):
        rounds = [one.also[goal.heading] for one in by_name[goal.who].rounds]
        return Verdict(goal, median(rounds), min(rounds), max(rounds))
    who, beside = by_name[goal.who], by_name[goal.beside]
    rounds = ratios(who, beside)
    return Verdict(goal, beside.median_cpu(SERVER) / who.median_cpu(SERVER), min(rounds), max(rounds))


def ratios(who: Contestant, beside: Contestant) -> list[float]:
    """How many times the processor time of `who` the other spent, round by round: they took turns in each."""
    pairs = zip(who.rounds, beside.rounds, strict=True)
    return [theirs.cpu[SERVER] / own.cpu[SERVER] for own, theirs in pairs]
