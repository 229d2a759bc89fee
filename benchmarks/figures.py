"""What a measurement yields: rounds, and what they say together."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median


class WrongAnswer(Exception):
    """What is to be measured does not do what it should; the message says what came instead."""


@dataclass(frozen=True, slots=True)
class Round:
    """One turn of one contestant.

    `rate` is in operations a second, times are milliseconds of one operation, `cpu` is microseconds of user and system
    time for one operation, by process. `also` holds figures of this measurement alone, by heading.
    """

    operations: int
    seconds: float
    rate: float
    p50: float
    p95: float
    p99: float
    max: float
    errors: int
    cpu: Mapping[str, float]
    also: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        seconds: float,
        times: Sequence[float],
        errors: int,
        cpu: Mapping[str, float],
        also: Mapping[str, float] | None = None,
    ) -> "Round":
        """From the seconds that each operation took, and the seconds of CPU that each process used meanwhile."""
        if not times:
            raise WrongAnswer(f"Nothing was done within {seconds:.1f} seconds; {errors} errors.")
        ordered, count = sorted(times), len(times)
        return cls(
            operations=count,
            seconds=seconds,
            rate=count / seconds,
            p50=ordered[count // 2] * 1e3,
            p95=ordered[count * 95 // 100] * 1e3,
            p99=ordered[count * 99 // 100] * 1e3,
            max=ordered[-1] * 1e3,
            errors=errors,
            cpu={name: spent / count * 1e6 for name, spent in cpu.items()},
            also=also or {},
        )


@dataclass(slots=True)
class Contestant:
    """One way to do what is measured: `turn` runs it for about so many seconds."""

    name: str
    turn: Callable[[float], Awaitable[Round]]
    rounds: list[Round] = field(default_factory=list)

    @property
    def best(self) -> float:
        """Operations a second in the best round."""
        return max(one.rate for one in self.rounds)

    @property
    def errors(self) -> int:
        return sum(one.errors for one in self.rounds)

    def median(self, figure: str) -> float:
        """Of `rate`, `p50`, `p95` or `p99`."""
        values: list[float] = [getattr(one, figure) for one in self.rounds]
        return median(values)

    def median_cpu(self, process: str) -> float:
        return median(one.cpu[process] for one in self.rounds)

    def median_also(self, heading: str) -> float:
        return median(one.also[heading] for one in self.rounds)


@dataclass(slots=True)
class Measurement:
    """Contestants that do the same. The others are compared with the last one, and `beside` heads that column."""

    title: str
    operations: str
    contestants: list[Contestant]
    beside: str = "of the\nlimit"

    async def run(self, seconds: float, rounds: int, announce: Callable[[str], None]) -> None:
        """Let them take turns, so that a slow minute of the machine falls on all of them alike."""
        for number in range(1, rounds + 1):
            for contestant in self.contestants:
                announce(f"{self.title}: {contestant.name}, round {number} of {rounds}")
                contestant.rounds.append(await contestant.turn(seconds))
