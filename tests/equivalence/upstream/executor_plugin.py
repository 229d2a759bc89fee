"""A pytest plugin for graphql-core's own tests: they run with another executor, and it is noted what became of each.

graphql-core's tests are a package named `tests` as Atrium's are, so this is a module of its own on PYTHONPATH.
"""

import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from graphql.execution import Executor
from graphql.execution.executor_throwing_on_incremental import ExecutorThrowingOnIncremental

import tests  # graphql-core's

tests.__path__.append(str(Path(__file__).parents[2]))

from tests.equivalence import executors  # noqa: E402

outcomes: dict[str, set[str]] = {"passed": set(), "failed": set(), "skipped": set()}


def pytest_configure() -> None:
    """Put the chosen executor in the place of graphql-core's executors."""
    executor: Any = executors.BUILDABLE[os.environ["ATRIUM_EXECUTOR"]]

    class Incremental(executor):  # type: ignore[misc]
        # Strawberry gives resolvers more than graphql-core does.
        build_resolve_info = Executor.build_resolve_info

    class Throwing(ExecutorThrowingOnIncremental, Incremental):
        pass

    module: Any = import_module("graphql.execution.execute")  # the package has a function of that name
    module.IncrementalExecutor, module.ExecutorThrowingOnIncremental = Incremental, Throwing


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome != "passed":
        outcomes[report.outcome].add(report.nodeid)


def pytest_sessionfinish() -> None:
    compiled, interpreted = executors.executions()
    told = {name: sorted(tests) for name, tests in outcomes.items()}
    Path(os.environ["ATRIUM_REPORT"]).write_text(json.dumps({**told, "compiled": compiled, "interpreted": interpreted}))
