"""The shipped ensemble, one window at a time: every engine that is installed against the naive way.

The naive way is a forward pass of the eager network for each member and view, as one writes it first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dsp.flow import Window
from models.classifier import Classifier
from models.ensemble import load_ensemble
from models.loading import ENGINES, Wanted, load_classifier
from models.networks import look
from tests.bench.clock import medians_us

CHECKPOINT = Path(__file__).parents[2] / "models" / "checkpoints" / "synapse"

CLOSE = {"int8": 0.1, "openvino": 0.03}
"""By how much a probability of random input may differ; the others 1e-4."""


def measure() -> dict[str, Any]:
    """Milliseconds per decision on one thread, with all members and views, and how many times as fast that is."""
    engines = _engines()
    spec = engines["torch"].design.spec
    samples = np.random.default_rng(0).normal(size=(spec.window, spec.channels)).astype(np.float32)
    window = Window(samples, 0, spec.window)
    naive = _naive(samples)
    for name, classifier in engines.items():
        np.testing.assert_allclose(classifier(window), naive(), atol=CLOSE.get(name, 1e-4))
    calls: dict[str, Callable[[], object]] = {"naive": naive}
    calls |= {name: lambda it=it: it(window) for name, it in engines.items()}  # type: ignore[misc]
    ms = {name: us / 1e3 for name, us in medians_us(calls, rounds=15, each=20).items()}
    first = engines["torch"]
    return {
        "members": len(first.member_names),
        "views": first.efforts[0].views,
        "auto": load_classifier(CHECKPOINT, Wanted(device="cpu")).engine.name,
        "naive_ms": round(ms["naive"], 2),
        "engines": {
            name: {
                "ms": round(ms[name], 2),
                "times_faster": round(ms["naive"] / ms[name], 1),
                "device": engines[name].device,
            }
            for name in engines
        },
    }


def _engines() -> dict[str, Classifier]:
    """All that can be had here, on one thread."""
    found = {}
    for name in ENGINES[1:]:
        try:
            found[name] = load_classifier(CHECKPOINT, Wanted(name, "cpu"))
        except ValueError as error:
            print(f"left out: {error}", file=sys.stderr)
    return found


def _naive(samples: np.ndarray) -> Callable[[], np.ndarray]:
    members = load_ensemble(CHECKPOINT).members

    @torch.inference_mode()
    def decide() -> np.ndarray:
        x = torch.from_numpy(samples.T[None].copy())
        total = torch.zeros(len(members[0].checkpoint.labels))
        for member in members:
            views = look(x, member.checkpoint.views.arranged(*x.shape[1:]))
            for view in views:
                total += member.weight * member.module(view[None]).softmax(1)[0] / len(views)
        return total.numpy()

    return decide
