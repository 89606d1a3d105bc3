"""Runs every benchmark; the last line on stdout is one line of JSON."""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path

from tests.bench import filtering, inference


def processor() -> str:
    """The name of the processor, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    names = (
        [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    return (names or [platform.processor() or platform.machine()])[0]


results = {
    "machine": f"{processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}",
    "filtering": filtering.measure(),
    "inference": inference.measure(),
}
for name, figures in results.items():
    print(name, json.dumps(figures, indent=2), file=sys.stderr)
print(json.dumps(results))
