"""Random operations on both executors: python -m tests.equivalence.fuzz --operations 20000 --seed 1."""

import argparse
import asyncio
import sys

import uvloop

from tests.equivalence.fuzz.campaign import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        tally = runner.run(run(arguments.operations, arguments.seed))
        print(tally.table())
        for failure in tally.failures[:3]:
            print(f"\n{runner.run(failure.shrunk())}")
    sys.exit(1 if tally.failures else 0)


main()
