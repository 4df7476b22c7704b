"""Measurements, run by hand. Results and how they were made: benchmarks/RESULTS.md."""
