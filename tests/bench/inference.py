"""The shipped ensemble, one window at a time, against the naive way: a forward pass for each member and view."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from dsp.flow import Window
from models.classifier import load_classifier
from models.ensemble import load_ensemble
from tests.bench.clock import medians_us

CHECKPOINT = Path(__file__).parents[2] / "models" / "checkpoints" / "synapse"


def measure() -> dict[str, Any]:
    """Milliseconds per decision on one thread, with all views."""
    classifier = load_classifier(CHECKPOINT, device="cpu", threads=1)
    members = load_ensemble(CHECKPOINT).members
    spec = classifier.design.spec
    samples = np.random.default_rng(0).normal(size=(spec.window, spec.channels)).astype(np.float32)
    window = Window(samples, 0, spec.window)

    @torch.inference_mode()
    def naive() -> np.ndarray:
        x = torch.from_numpy(samples.T[None].copy())
        total = torch.zeros(len(classifier.labels))
        for member in members:
            views = member.checkpoint.views.apply(x)
            for view in views:
                total += member.weight * member.module(view[None]).softmax(1)[0] / len(views)
        return total.numpy()

    np.testing.assert_allclose(classifier(window), naive(), atol=1e-4)
    us = medians_us({"ours": lambda: classifier(window), "naive": naive}, rounds=30, each=3)
    views = members[0].checkpoint.views.count
    return {
        "members": len(members),
        "views": views,
        "ours_ms": round(us["ours"] / 1e3, 2),
        "naive_ms": round(us["naive"] / 1e3, 2),
        "times_faster": round(us["naive"] / us["ours"], 2),
    }
