"""Measurements against a floor, each in one run on one machine: `make bench`. What they mean: docs/benchmarks.md."""
