"""What Atrium costs, beside the limits of the machine: `python -m benchmarks`. docs/performance.md explains."""
