"""From a finished run to its checkpoint."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsp.flow import Samples
from models import checkpoint
from models.families import build
from models.listing import RUN
from models.views import ORIGINAL, Views
from train.state import Progress
from train.task import Task

GOLDEN = 8


def keep(task: Task, weights: dict[str, Tensor], done: Progress, out: Path) -> Path:
    """Writes the checkpoint of a run.

    Args:
        task: recipe and data.
        weights: of the network.
        done: the run, for the record.
        out: folder of the run.

    Returns:
        Path of the checkpoint folder.
    """
    network = build(task.recipe.family, task.config)
    network.load_state_dict({name: value.cpu() for name, value in weights.items()})
    network.eval()
    card = checkpoint.Checkpoint(
        family=task.recipe.family,
        config=task.config,
        labels=task.corpus.labels,
        design=task.design,
        views=Views() if task.recipe.views else ORIGINAL,
        provenance=provenance(task, done),
    )
    path = out / RUN
    checkpoint.save(path, card, network, golden(task))
    return path


def golden(task: Task) -> Samples:
    """``(G, N, C)`` real windows, taken in turn from every gesture, from the middle of its places."""
    places, labels = task.windows(task.split.train)
    length = task.design.spec.window
    each = -(-GOLDEN // len(task.corpus.labels))
    chosen: list[NDArray[np.int64]] = []
    for label in range(len(task.corpus.labels)):
        mine = places[labels == label]
        share = np.linspace(0.25, 0.75, each)
        chosen.append(mine[(share * (len(mine) - 1)).astype(np.int64)] if len(mine) else mine)
    first = np.concatenate(chosen)
    windows: Samples = task.track.samples[first[:, None] + np.arange(length)]
    return windows


def provenance(task: Task, done: Progress) -> dict[str, Any]:
    """Where a checkpoint comes from: recipe, data, people, versions, scores."""
    corpus = task.corpus
    reached = next((row for row in done.history if row["epoch"] == done.best_epoch), {})
    return {
        "recipe": task.name,
        "settings": task.recipe.to_json(),
        "overrides": list(task.overrides),
        "seed": task.recipe.seed,
        "data": corpus.name,
        "layout": corpus.layout,
        "simulated": all(recording.simulated for recording in corpus.recordings),
        "people": list(task.split.train),
        "validation_people": list(task.split.validation),
        "sessions": sorted({entry.session for entry in corpus.entries}),
        "recordings": len(corpus.entries),
        "left_out": list(corpus.left_out),
        "voted": 0 if corpus.votes is None else int((~np.isnan(corpus.votes[:, 0])).sum()),
        "from": None if task.start is None else dict(task.start.checkpoint.provenance),
        "best_epoch": done.best_epoch,
        "metrics": reached,
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        "date": datetime.now(UTC).date().isoformat(),
    }
