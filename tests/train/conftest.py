"""A tiny data set in the Synapse layout, and a place for caches that no other test sees."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from train.changes import override
from train.corpus import Corpus, load
from train.recipe import Recipe
from train.recipe import load as load_recipe
from train.task import Task, prepare

PEOPLE, SESSIONS, GESTURES, SAMPLES = (1, 2, 3, 4), (1, 3), 5, 512
SHORT = ("epochs=2", "batch=16", "overlap=1", "validation=1", "dsp.band_hz=20,200")
SMALL = {
    "efficientnet": ("model.width=0.25", "model.depth=0.3", "model.fft=32", "model.hop=8"),
    "hht_cnn": ("model.size=16", "model.modes=2", "model.widths=4,4", "model.dense=8"),
    "gpt2": ("model.width=8", "model.heads=2", "model.blocks=2", "model.trained=2"),
    "resnet_gru": ("model.kernels=3,7", "model.width=4", "model.widths=8,8", "model.states=4", "model.dense=8"),
    "inception_se_tcn": ("model.filters=8", "model.dilations=1,2", "model.key=4", "model.dense=8"),
    "se_resnet": ("model.widths=4,8", "model.depth=1"),
    "semg_net": ("model.widths=4,8", "model.kernels=5,3", "model.dense=8"),
    "tangent": ("model.differences=1", "model.hidden=8"),
}
"""Networks of each family that train in a moment."""

TINY = (*SHORT, *SMALL["se_resnet"])


def write_trial(path: Path, gesture: int, seed: int, samples: int = SAMPLES) -> None:
    """Noise that is strongest on the channel of the gesture, in millivolts."""
    rng = np.random.default_rng(seed)
    loud = np.exp(-0.5 * ((np.arange(8) - 1.5 * gesture) / 1.0) ** 2) + 0.2
    path.parent.mkdir(parents=True, exist_ok=True)
    header = ",".join(f"ch{number}" for number in range(1, 9))
    values = 0.05 * loud * rng.standard_normal((samples, 8))
    np.savetxt(path, values, fmt="%.4f", delimiter=",", header=header, comments="")


@pytest.fixture(scope="session")
def synapse_like(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four people, two sessions, five gestures, one trial of a second each."""
    root = tmp_path_factory.mktemp("data") / "synapse-like"
    for person in PEOPLE:
        for session in SESSIONS:
            for gesture in range(GESTURES):
                folder = root / f"Session{session}" / f"session{session}_subject_{person}"
                seed = 1000 * person + 100 * session + gesture
                write_trial(folder / f"gesture{gesture:02d}_trial01.csv", gesture, seed)
    return root


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYOSTREAM_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def corpus(synapse_like: Path) -> Corpus:
    """The tiny data set in memory."""
    return load(str(synapse_like))


def changes(name: str) -> tuple[str, ...]:
    """What makes a recipe train in a moment."""
    return (*SHORT, *SMALL[load_recipe(name).family])


def tiny(name: str = "se_resnet", *others: str) -> Recipe:
    """A recipe that trains in a moment."""
    return override(load_recipe(name), [*changes(name), *others])


@pytest.fixture
def task(corpus: Corpus) -> Task:
    """A tiny recipe joined with the tiny data set."""
    return prepare("se_resnet", tiny(), TINY, corpus)
