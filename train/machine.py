"""A support vector machine on the features of a trained encoder, as a checkpoint like any other (extra ``svm``).

The second task of system 3: features, standard scaling, a radial kernel, C = 10. scikit-learn fits it; what answers is
``models.svm.SupportVectors``, in the same network as the encoder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models import checkpoint as checkpoints
from models.families import build
from models.hht_cnn import HHTCNN
from models.listing import RUN, checkpoint_in
from models.svm import SupportVectors
from train.corpus import Corpus, track
from train.splits import say_numbers
from train.task import grid

AT_ONCE = 64
GOLDEN = 8


def fit_machine(encoder: Path, corpus: Corpus, out: Path, cost: float = 10.0) -> dict[str, Any]:
    """Fits on every labelled window of the hop's grid, and writes ``out/checkpoint``.

    Args:
        encoder: a checkpoint of the family ``hht_cnn``, or the folder of its run.
        corpus: what to learn.
        out: folder.
        cost: C.

    Returns:
        Numbers of windows and support vectors, accuracy on what it was fitted on, and where it is; fit for JSON.

    Raises:
        ValueError: scikit-learn is not installed, the checkpoint is of another family or rate, or there is nothing to
            tell apart.
    """
    scaler, machine = _scikit(cost)
    card, network = checkpoints.load(checkpoint_in(encoder))
    if not isinstance(network, HHTCNN):
        raise ValueError(f"{encoder} is a {card.family}, and features are taken of hht_cnn; give a run of that")
    windows, labels = _learnt(corpus, card, encoder)
    features = _features(network, windows)
    scaled = scaler.fit_transform(features)
    machine.fit(scaled, labels)
    config, made = _joined(card, network, scaler, machine)
    people = sorted({entry.person for entry in corpus.entries})
    facts = {
        "recipe": "machine",
        "encoder": dict(card.provenance),
        "cost": cost,
        "data": corpus.name,
        "layout": corpus.layout,
        "people": people,
        "validation_people": [],
        "sessions": sorted({entry.session for entry in corpus.entries}),
    }
    kept = checkpoints.Checkpoint(
        family="hht_cnn",
        config=config,
        labels=corpus.labels,
        design=card.design,
        views=card.views,
        decision=card.decision,
        provenance=facts,
    )
    checkpoints.save(out / RUN, kept, made, windows[:: max(1, len(windows) // GOLDEN)][:GOLDEN])
    return {
        "checkpoint": str(out / RUN),
        "windows": len(windows),
        "vectors": len(machine.support_vectors_),
        "fitted_accuracy": float(machine.score(scaled, labels)),
        "people": say_numbers(people),
    }


def _learnt(
    corpus: Corpus, card: checkpoints.Checkpoint, encoder: Path
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The windows ``(n, N, C)`` to fit on and their labels ``(n,)``.

    Raises:
        ValueError: the data do not fit the encoder, or lack a gesture.
    """
    spec = card.design.spec
    if (corpus.info.rate_hz, len(corpus.info.channels)) != (spec.rate_hz, spec.channels):
        raise ValueError(
            f"{corpus.name!r} has {len(corpus.info.channels)} channels at {corpus.info.rate_hz:g} Hz, and {encoder} "
            f"takes {spec.channels} at {spec.rate_hz:g}; use data as it was trained on"
        )
    windows, labels = _windows(corpus, card)
    if len(np.unique(labels)) < len(corpus.labels) or len(corpus.labels) < 2:
        raise ValueError(
            f"{corpus.name!r} shows {len(np.unique(labels))} of {', '.join(corpus.labels)}; give all of them"
        )
    return windows, labels


def _joined(
    card: checkpoints.Checkpoint, network: HHTCNN, scaler: Any, machine: Any
) -> tuple[dict[str, Any], nn.Module]:
    """The encoder with the fitted machine for a head: its config, and the network."""
    counts = tuple(int(count) for count in machine.n_support_)
    config = {**card.config, "classes": len(counts), "vectors": list(counts)}
    made = build("hht_cnn", config)
    state = {name: value for name, value in network.state_dict().items() if not name.startswith(("head.", "dense."))}
    head = SupportVectors.of(
        machine.support_vectors_,
        machine.dual_coef_,
        machine.intercept_,
        counts,
        machine._gamma,
        scaler.mean_,
        scaler.scale_,
    )
    made.load_state_dict(state | {f"head.{name}": value for name, value in head.state_dict().items()})
    return config, made


def _windows(corpus: Corpus, card: checkpoints.Checkpoint) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """``(n, N, C)`` and their labels ``(n,)``."""
    spec = card.design.spec
    whole = track(card.design, corpus.recordings, corpus.labels)
    grids = [grid(whole, index, spec.window, spec.hop) for index in range(len(corpus.entries))]
    places, labels = (np.concatenate(part) for part in zip(*grids, strict=True))
    known = labels >= 0
    return whole.samples[places[known][:, None] + np.arange(spec.window)], labels[known]


def _features(network: HHTCNN, windows: NDArray[np.float32]) -> NDArray[np.float64]:
    """``(n, F)`` of the encoder."""
    parts = []
    with torch.inference_mode():
        for first in range(0, len(windows), AT_ONCE):
            rows = torch.from_numpy(windows[first : first + AT_ONCE]).transpose(1, 2)
            parts.append(network.features(rows).double().numpy())
    return np.concatenate(parts)


def _scikit(cost: float) -> tuple[Any, Any]:
    if not cost > 0:
        raise ValueError(f"--cost is {cost:g}; give a number above zero")
    try:
        from sklearn.preprocessing import StandardScaler  # noqa: PLC0415 - an extra
        from sklearn.svm import SVC  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise ValueError(f"this needs {error.name}, which is not installed: pip install 'myostream[svm]'") from error
    return StandardScaler(), SVC(C=cost, kernel="rbf", gamma="scale", break_ties=True)
