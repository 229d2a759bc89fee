"""The cases of the test plan that are not left to chance, by their numbers."""

from collections.abc import Awaitable, Callable, Mapping

from tests.chaos.jobs import crashes, crowds, failures, rollouts, ticks
from tests.chaos.jobs.stage import Stage
from tests.chaos.jobs.verdicts import Verdict

CASES: Mapping[str, Callable[[Stage], Awaitable[Verdict]]] = {
    "R3": crashes.killed,
    "R4": crashes.overslept,
    "R5": failures.poisoned,
    "R6": failures.failed,
    "R7": ticks.ticked,
    "R9": rollouts.released,
    "R10": crowds.crowded,
}
