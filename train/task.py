"""A recipe joined with data: who trains, how the signal is processed, and the filtered track."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from devices.onsets import following
from devices.recording import Recording
from dsp.design import Design, design
from dsp.pipeline import filtered
from models.checkpoint import Checkpoint
from models.families import config_json, sized
from train.corpus import REST, Corpus, Track, track
from train.crops import majority
from train.recipe import Recipe
from train.splits import Split, set_apart


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """Everything that is fixed before the first step.

    Attributes:
        name: of the recipe.
        recipe: with the overrides applied.
        overrides: as they were typed.
        corpus: the recordings.
        split: training and validation people.
        config: of the network, complete.
        design: of the processing, scale included; it goes into the checkpoint.
        track: all recordings, filtered by that design.
        start: the checkpoint whose weights are the first ones; None for random ones.
    """

    name: str
    recipe: Recipe
    overrides: tuple[str, ...]
    corpus: Corpus
    split: Split
    config: dict[str, Any]
    design: Design
    track: Track
    start: Start | None = None

    def windows(self, people: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Places in the track and labels of the windows on the hop's grid, for these people."""
        places: list[NDArray[np.int64]] = []
        labels: list[NDArray[np.int64]] = []
        for index in self.corpus.indices(people):
            where, what = grid(self.track, index, self.design.spec.window, self.design.spec.hop)
            places.append(where)
            labels.append(what)
        return np.concatenate(places), np.concatenate(labels)


class Start(NamedTuple):
    """A checkpoint to start from: what it is and its network."""

    checkpoint: Checkpoint
    network: nn.Module


def prepare(name: str, recipe: Recipe, overrides: Sequence[str], corpus: Corpus, start: Start | None = None) -> Task:
    """Splits, designs, fits the scale, filters.

    Who starts from a checkpoint takes its signal processing, scale included: its weights know no other.

    The scale is fitted on the whole training side, the people set apart for early stopping included, so that
    members of an ensemble that set other people apart still share one signal processing.

    Raises:
        ValueError: the recipe and the data do not fit.
    """
    if len(corpus.labels) < 2:
        raise ValueError(
            f"{corpus.name!r} holds {len(corpus.labels)} labelled gestures ({', '.join(corpus.labels) or 'none'}); "
            "training needs at least two"
        )
    if recipe.lead_ms is not None:
        led = (following(recording, REST, recipe.lead_ms) for recording in corpus.recordings)
        corpus = replace(corpus, recordings=tuple(led))
    split = set_apart((entry.person for entry in corpus.entries), recipe.validation, recipe.seed)
    info = corpus.info
    channels = len(info.channels)
    asked = {**recipe.model, "channels": channels, "classes": len(corpus.labels)}
    config = config_json(recipe.family, sized(recipe.family, asked))
    if start is not None:
        _check_start(start.checkpoint, recipe.family, config, corpus)
        whole = track(start.checkpoint.design, corpus.recordings, corpus.labels)
        return Task(name, recipe, tuple(overrides), corpus, split, config, start.checkpoint.design, whole, start)
    raw = design(recipe.dsp.spec(info.rate_hz, channels, corpus.mains_hz))
    scale = common_scale(raw, corpus.recordings)
    scaled = replace(raw, spec=replace(raw.spec, scale_uv=(scale,)))
    whole = track(scaled, corpus.recordings, corpus.labels)
    return Task(name, recipe, tuple(overrides), corpus, split, config, scaled, whole)


def _check_start(start: Checkpoint, family: str, config: dict[str, Any], corpus: Corpus) -> None:
    for what, theirs, ours in (
        ("family", start.family, family),
        ("settings", config_json(start.family, start.config), config),
        ("gestures", list(start.labels), list(corpus.labels)),
        ("rate", start.design.spec.rate_hz, corpus.info.rate_hz),
    ):
        if theirs != ours:
            raise ValueError(
                f"the checkpoint to start from has the {what} {theirs}, and this run {ours}; "
                "give both the same, or leave --from out"
            )


def common_scale(unscaled: Design, recordings: Sequence[Recording]) -> float:
    """Root mean square in microvolts over all samples and channels after the filters.

    One scale for all channels: which electrode hears how much is part of what tells gestures apart, and a scale
    for each channel would take the mean of that away.

    Raises:
        ValueError: the recordings are silent.
    """
    power, count = 0.0, 0
    for recording in recordings:
        samples = filtered(unscaled, recording.samples)
        power += float(np.square(samples, dtype=np.float64).sum())
        count += samples.size
    if not power > 0:
        raise ValueError("the training recordings are silent after the band-pass; check their unit and channels")
    return float(np.sqrt(power / count))


def grid(track: Track, index: int, length: int, hop: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The windows that the pipeline cuts from one recording.

    Returns:
        ``(n,)`` places in the track, and ``(n,)`` label that most of the window carries, negative where unknown.
    """
    first, end = int(track.starts[index]), int(track.starts[index + 1])
    if end - first < length:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    places = np.arange(first, end - length + 1, hop, dtype=np.int64)
    return places, majority(track.labels[first:end], length, 0.0)[::hop]
