"""Atrium beside its peers: `python -m benchmarks.peers`. docs/performance.md explains."""
