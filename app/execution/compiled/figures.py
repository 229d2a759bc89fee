"""How operations were executed, and where compiled code had to give way: a silent fallback would be a bug."""

from collections import Counter
from collections.abc import Mapping


class Figures:
    """Counts of this process, by what was counted; they only grow.

    `compiled` and `interpreted` are executions of whole operations, the second by the reason why they were not
    compiled. `plans` are compilations. `opaque` are fields whose resolver had to be called as graphql-core calls it, by
    how often one was compiled; `deoptimised` are values that were not of the expected kind, by field. `differences` are
    results that were not graphql-core's, where both are compared.
    """

    def __init__(self) -> None:
        self.compiled = self.plans = self.differences = 0
        self.interpreted: Counter[str] = Counter()
        self.opaque: Counter[str] = Counter()
        self.deoptimised: Counter[str] = Counter()

    def totals(self) -> Mapping[str, float]:
        return {"compiled": self.compiled, "plans": self.plans, "differences": self.differences}


FIGURES = Figures()
