"""Benchmarks: ratios within one run, medians. ``python -m tests.bench`` runs them all and ends with one line of JSON."""
