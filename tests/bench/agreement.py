"""Whether every engine decides as the eager float32 network does, on real windows that are drawn by a seed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from models.loading import ENGINES, Wanted, load_classifier
from models.networks import load_networks
from tests.bench.inference import CHECKPOINT
from train.corpus import load, track
from train.task import grid

WINDOWS = 5000


def measure() -> dict[str, Any]:
    """Share of windows with the same decision, and share recognised; empty where the recordings are not there."""
    folder = Path(os.environ.get("MYOSTREAM_DATA", Path(__file__).parents[3] / "shared" / "data"))
    if not (folder / "synapse.zip").exists():
        return {"skipped": f"synapse.zip is not in {folder}; set MYOSTREAM_DATA to the folder that holds it"}
    networks = load_networks(CHECKPOINT, device="cpu", threads=1)
    spec = networks.design.spec
    corpus = load(str(folder / "synapse.zip"), rate_hz=spec.rate_hz)
    whole = track(networks.design, corpus.recordings, networks.labels)
    grids = [grid(whole, index, spec.window, spec.hop) for index in range(len(corpus.entries))]
    places, truth = (np.concatenate([pair[at] for pair in grids]) for at in (0, 1))
    drawn = np.random.default_rng(0).choice(len(places), WINDOWS, replace=False)
    windows = whole.samples[places[drawn][:, None] + np.arange(spec.window)]
    eager = networks.batch(windows).argmax(1)
    found = {}
    for name in ENGINES[1:]:
        for device in ("cpu", "cuda") if name == "torch" else ("cpu",):
            try:
                classifier = load_classifier(CHECKPOINT, Wanted(name, device))
            except ValueError as error:
                found[f"{name} {device}"] = {"left_out": str(error)}
                continue
            answers = classifier.batch(windows).argmax(1)
            found[f"{name} on {classifier.device}"] = {
                "same_decision": float((answers == eager).mean()),
                "recognised": float((answers == truth[drawn]).mean()),
            }
    return {"windows": WINDOWS, "eager_recognised": float((eager == truth[drawn]).mean()), "engines": found}
