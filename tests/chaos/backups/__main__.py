"""Long runs of backup and recovery (`make chaos`): B1, B2, RPO and RTO. Exits with 1 when anything came back wrong."""

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from tests.chaos.backups.run import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.backups", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="of load in a round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the first round")
    asked = parser.parse_args()
    console, failed = Console(), 0
    for seed in range(asked.seed, asked.seed + asked.rounds):
        with tempfile.TemporaryDirectory(prefix="atrium-chaos-") as directory:
            outcome = asyncio.run(run(Path(directory), seed, asked.seconds))
        console.print(
            f"seed {seed}: {outcome.kills} tails killed, {outcome.transfers:,} transfers, {outcome.steps:,} steps, "
            f"{outcome.moments} moments restored; RPO {outcome.rpo:.1f} s, RTO {outcome.rto:.1f} s"
        )
        for line in outcome.wrong[:20]:
            console.print(f"[red]{line}[/red]")
        failed += bool(outcome.wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
