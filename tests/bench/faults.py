"""What the faults of system 2 are worth: its pair, mended, and with each fault put back.

Trained on sessions 1 and 2 of people 1-20 and tested on session 3, as its notebook was: MixUp that keeps the first
label, a band-pass that runs forwards and backwards over the recording, a notch at 50 Hz where the mains were at 60 and
are gone already. What was filtered both ways is tested twice: filtered likewise, as the notebook tests it, and by the
filters of the stream, which is what a user would get. Takes hours on a CPU.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from scipy import signal
from torch import Tensor

from dsp.design import Design
from train.augment import mix
from train.changes import override
from train.corpus import load
from train.ensemble import combine
from train.evaluate import evaluate
from train.fit import fit
from train.recipe import load as load_recipe

PAIR = ("inception_se_tcn", "semg_net")
PEOPLE = tuple(range(1, 21))
NOTCH = ("dsp.notch_hz=50", "dsp.notch_harmonics=1")


def measure(data: str, epochs: int) -> dict[str, Any]:
    """Shares of windows that are recognised and macro-F1, of each member and of the pair.

    Args:
        data: the Synapse recordings.
        epochs: of every run.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _train(root / "mended", data, epochs)
        _train(root / "notch", data, epochs, NOTCH)
        with patch("train.augment.mix", _first_label):
            _train(root / "label", data, epochs)
        with _both_ways():
            _train(root / "ways", data, epochs)
            notebook = _scores(root / "ways", data)
        return {
            "epochs": epochs,
            "mended": _scores(root / "mended", data),
            "MixUp keeps the first label": _scores(root / "label", data),
            "a notch at 50 Hz": _scores(root / "notch", data),
            "filtered both ways, tested likewise": notebook,
            "filtered both ways, then streamed": _scores(root / "ways", data),
        }


def _train(out: Path, data: str, epochs: int, changes: tuple[str, ...] = ()) -> None:
    for name in PAIR:
        asked = [*changes, f"epochs={epochs}", "validation=0"]
        fit(name, override(load_recipe(name), asked), asked, load(data, PEOPLE, (1, 2)), out / name)
    combine([out / name for name in PAIR], None, out / "pair")


def _scores(runs: Path, data: str) -> dict[str, Any]:
    report = evaluate(runs / "pair", data, "new-day", PEOPLE)
    keys = ("window_accuracy", "macro_f1")
    return {
        name: {key: round(scored[key], 4) for key in keys}
        for name, scored in report["variants"].items()
        if not name.endswith("+views")
    }


def _first_label(windows: Tensor, targets: Tensor, alpha: float, generator: Any) -> tuple[Tensor, Tensor]:
    mixed, _ = mix(windows, targets, alpha, generator)
    return mixed, targets


@contextmanager
def _both_ways() -> Iterator[None]:
    with patch("train.corpus.filtered", _zero_phase), patch("train.task.filtered", _zero_phase):
        yield


def _zero_phase(design: Design, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The design's own sections, forwards and backwards over the recording."""
    sections, _ = design.arrays()
    scale = np.array(design.spec.scale_uv or (1.0,))
    found: NDArray[np.float64] = signal.sosfiltfilt(sections, samples.astype(np.float64) - samples[0], axis=0)
    return (found / scale).astype(np.float32)
