"""Compiled execution: each selection set of an operation becomes one Python function.

What graphql-core's executor finds out again for every object - which fields are selected, what resolves them, which
arguments they have, what type completes them - is found out once and written down as source code. The code takes the
short way only with exactly what it expects; anything else it hands to graphql-core's own `complete_value`, so that odd
cases are equal by construction and the specification is implemented in one place, which is not here.

- `plans`: the functions of one operation, by the values of the variables that `@skip` and `@include` look at.
- `compiler`: from a selection set to a function; `resolvers` writes down how a value is fetched.
- `executor`: runs a plan, waits for what is awaited, and carries nulls up to where they may stand.
- `positions`: what is known of a field before anything runs, and its way back to graphql-core.
"""

from app.execution.compiled.executor import CompiledExecutor
from app.execution.compiled.figures import FIGURES
from app.execution.compiled.plans import COMPILE_AFTER, Plans

__all__ = ["COMPILE_AFTER", "FIGURES", "CompiledExecutor", "Plans"]
