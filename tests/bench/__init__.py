"""Benchmarks: ratios within one run, medians; ``python -m tests.bench`` ends with one line of JSON."""
