"""A long chaos run of the change log (`make chaos`). Exits with 1 when anything was lost, repeated or mixed up."""

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from tests import conftest  # noqa: F401 - sets the environment that all tests have
from tests.chaos.changes.check import Result
from tests.chaos.changes.run import ALL, BASIC, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.changes", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120, help="how long faults go on (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the choice of faults, the first")
    parser.add_argument("--seeds", type=int, default=5, help="how many runs (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--nodes", type=int, choices=(1, 3), default=3, help="of MongoDB (default: %(default)s)")
    asked = parser.parse_args()
    console = Console()
    lost = False
    for seed in range(asked.seed, asked.seed + asked.seeds):
        console.print(f"{asked.seconds:.0f} s of faults, seed {seed}")
        with tempfile.TemporaryDirectory(prefix="atrium-chaos-") as directory:
            chaos = run(
                Path(directory),
                seconds=asked.seconds,
                seed=seed,
                kinds=ALL if asked.nodes == 3 else (*BASIC, "mongod"),
                clients=asked.clients,
                nodes=asked.nodes,
            )
            result, wrong = asyncio.run(chaos)
        console.print(summary(result))
        for line in wrong:
            console.print(f"[red]{line}[/red]")
        lost = lost or bool(wrong)
    return 1 if lost else 0


def summary(result: Result) -> str:
    late = sorted(
        at - result.acknowledged[id] for one in result.clients for _, id, at in one.found if id in result.acknowledged
    )
    delivery = [late[int(len(late) * share)] * 1000 for share in (0.5, 0.99)] if late else [0.0, 0.0]
    return (
        f"faults {dict(result.faults)}; acknowledged {len(result.acknowledged):,}; "
        f"delivered {sum(len(one.found) for one in result.clients):,} over "
        f"{sum(one.connections for one in result.clients):,} connections; "
        f"delivery p50 {delivery[0]:.0f} ms, p99 {delivery[1]:.0f} ms, faults included"
    )


if __name__ == "__main__":
    sys.exit(main())
