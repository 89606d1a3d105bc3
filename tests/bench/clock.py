"""How the benchmarks measure: many short runs, taken in turn, and their medians."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def medians_us(calls: Mapping[str, Callable[[], object]], *, rounds: int = 40, each: int = 50) -> dict[str, float]:
    """Median microseconds of each call.

    The calls take turns, so that a machine that slows down slows all of them.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            begin = time.perf_counter()
            for _ in range(each):
                call()
            times[name].append((time.perf_counter() - begin) / each * 1e6)
    return {name: statistics.median(values) for name, values in times.items()}
