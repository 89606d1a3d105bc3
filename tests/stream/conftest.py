"""A small untrained recogniser and a short recording, made of the real parts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from devices.formats.npz import save_npz
from devices.recording import Recording
from devices.simulator import simulate
from dsp.design import DspSpec, design
from models import families
from models.checkpoint import Checkpoint, save
from models.classifier import Classifier
from models.loading import Wanted, load_classifier
from tests.browser import browser  # noqa: F401 - a fixture

RATE_HZ = 500.0
WINDOW, HOP = 200, 80


@pytest.fixture(scope="session")
def recording() -> Recording:
    """Eight seconds of a simulated person, with labels."""
    whole = simulate(3, 1, repetitions=1, hold_s=2.0, rest_s=1.0, rate_hz=RATE_HZ)
    length = int(8 * RATE_HZ) + 7
    assert whole.labels is not None
    return replace(whole, samples=whole.samples[:length], labels=whole.labels[:length])


@pytest.fixture(scope="session")
def recorded(recording: Recording, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file."""
    path = tmp_path_factory.mktemp("recorded") / "short.npz"
    save_npz(path, recording)
    return path


@pytest.fixture(scope="session")
def checkpoint(recording: Recording, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny SE-ResNet that knows every gesture of the recording but the last."""
    path = tmp_path_factory.mktemp("checkpoint") / "tiny"
    labels = recording.names[:-1]
    spec = DspSpec(RATE_HZ, band_hz=(20.0, 200.0), notch_hz=50.0, notch_harmonics=1, scale_uv=(20.0,))
    assert (spec.window, spec.hop) == (WINDOW, HOP)
    config = {"classes": len(labels), "widths": [8, 16], "depth": 1}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        module = families.build("se_resnet", config)
    golden = np.random.default_rng(0).normal(size=(2, WINDOW, 8)).astype(np.float32)
    save(path, Checkpoint("se_resnet", config, labels, design(spec)), module, golden)
    return path


@pytest.fixture(scope="session")
def classifier(checkpoint: Path) -> Classifier:
    """The same, loaded."""
    return load_classifier(checkpoint, Wanted("torch", "cpu"))
