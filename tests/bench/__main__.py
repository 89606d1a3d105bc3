"""Runs the benchmarks that are named, or every one; the last line on stdout is one line of JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path

from tests.bench import acquisition, agreement, demo, faults, filtering, gpu, inference, modes, peers, wearers


def processor() -> str:
    """The name of the processor, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    names = (
        [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    return (names or [platform.processor() or platform.machine()])[0]


measures = {
    "filtering": filtering.measure,
    "inference": inference.measure,
    "agreement": agreement.measure,
    "peers": peers.measure,
    "modes": modes.measure,
    "gpu": gpu.measure,
    "wearers": wearers.measure,
    "demo": lambda: demo.measure(given.seconds),
    "acquisition": lambda: acquisition.measure(given.seconds, given.rate),
    "faults": lambda: faults.measure(given.data, given.epochs),
}
ON_DEMAND = ("faults", "demo")
parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
parser.add_argument(
    "names",
    nargs="*",
    metavar="NAME",
    help=f"which: {', '.join(measures)}; all but {' and '.join(ON_DEMAND)} if none is named",
)
parser.add_argument("--data", default="", help="of faults: the Synapse recordings, a folder or zip")
parser.add_argument("--epochs", type=int, default=20, help="of faults")
parser.add_argument("--seconds", type=float, default=5.0, help="of acquisition and demo")
parser.add_argument("--rate", type=float, default=1000.0, help="of acquisition, in Hz")
given = parser.parse_args()
if unknown := set(given.names) - set(measures):
    parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(measures)}")

results = {
    "machine": f"{processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}",
    **{
        name: measure()
        for name, measure in measures.items()
        if name in given.names or (not given.names and name not in ON_DEMAND)
    },
}
for name, figures in results.items():
    print(name, json.dumps(figures, indent=2), file=sys.stderr)
print(json.dumps(results))
