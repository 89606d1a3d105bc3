"""What it costs to settle in to a wearer, as a part of every decision.

And whether ten thousand calibrations gone wrong leave anything but a usable recogniser or a sentence.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch

from dsp.design import DspSpec, design
from dsp.flow import Window
from models import families
from models.checkpoint import Checkpoint, save
from models.ensemble import Ensemble, load_ensemble
from models.examination import Examined, check_complete, examine
from models.listing import read_listing
from models.loading import Wanted, load_classifier
from models.personal import personalise
from models.population import Population
from tests.models.hostile import hostile
from tests.models.people import CHANNELS, LABELS, WINDOW, People

SHIPPED = Path(__file__).resolve().parents[2] / "models" / "checkpoints"
HOSTILE, TRAINED = 10_000, 300
WARM, ROUNDS = 40, 400


def measure() -> dict[str, Any]:
    """Both."""
    return {
        "settling_in": {name: _settling_in(SHIPPED / name) for name in ("synapse", "demo", "myo")},
        "hostile": _hostile(),
    }


def _settling_in(path: Path) -> dict[str, float | str]:
    """In turn: a decision that adapts, learning included, and one that does not; on the checkpoint's golden windows."""
    plain, adapts = (load_classifier(path, Wanted(adapt=adapt)) for adapt in (False, True))
    adaptation = adapts.adaptation
    assert adaptation is not None
    spec, seen = plain.design.spec, read_listing(path).cards[0].golden().windows
    rng = np.random.default_rng(0)
    times: dict[bool, list[float]] = {False: [], True: []}
    for turn in range(WARM + ROUNDS):
        samples = seen[turn % len(seen)] * np.float32(rng.uniform(0.9, 1.1))
        window = Window(samples, turn * spec.hop, turn * spec.hop + spec.window)
        for adapting, classifier in ((False, plain), (True, adapts)):
            began = perf_counter()
            classifier(window)
            classifier.learn()
            if turn >= WARM:
                times[adapting].append(perf_counter() - began)
    without = float(np.median(times[False]))
    added = float(np.median(times[True])) - without
    return {
        "engine": plain.engine.name,
        "blocks": len(adaptation.state.blocks),
        "decision_us": 1e6 * without,
        "added_us": 1e6 * added,
        "added_mean_us": 1e6 * float(np.mean(times[True]) - np.mean(times[False])),
        "looks_for_how_it_sits": bool(adaptation.population.otherwise),
        "share_of_a_decision": added / without,
        "share_of_the_time_between_decisions": added / (spec.hop / spec.rate_hz),
    }


def _hostile() -> dict[str, float | int]:
    """Refused in a sentence before anything is trained; of the rest the first ``TRAINED`` are trained and tried."""
    people = People()
    known, rng = people.population(), np.random.default_rng(7)
    refused, recognised = 0, []
    with tempfile.TemporaryDirectory() as folder, np.errstate(over="ignore", invalid="ignore"):
        ensemble = _small(Path(folder) / "small")
        for _ in range(HOSTILE):
            seen = examine(known, LABELS, hostile(rng, people))
            try:
                check_complete(known, LABELS, seen)
            except ValueError:
                refused += 1
                continue
            if len(recognised) < TRAINED:
                recognised.append(_recognised(ensemble, known, seen))
    return {
        "calibrations": HOSTILE,
        "refused": refused,
        "trained": len(recognised),
        "recognised_worst": min(recognised),
        "recognised_median": float(np.median(recognised)),
    }


def _small(path: Path) -> Ensemble:
    processing = design(DspSpec(rate_hz=200.0, channels=CHANNELS, band_hz=(20.0, 80.0)))
    config = {"channels": CHANNELS, "classes": len(LABELS), "differences": 1, "hidden": [32]}
    torch.manual_seed(0)
    module = families.build("tangent", config).eval()
    golden = np.random.default_rng(0).standard_normal((1, WINDOW, CHANNELS)).astype(np.float32)
    save(path, Checkpoint("tangent", config, LABELS, processing), module, golden)
    return load_ensemble(path)


def _recognised(ensemble: Ensemble, known: Population, seen: Examined) -> float:
    """Share of the windows that it was shown."""
    personal = personalise(ensemble, known, LABELS, seen.used, seen.order)
    hits = [personal.answers(one.windows).argmax(1) == LABELS.index(one.gesture) for one in seen.used]
    return float(np.concatenate(hits).mean())
