"""Measurements against a floor, all in one run on one machine: `make bench`. What they mean: docs/benchmarks.md."""
