"""A wearer's own recogniser: networks trained on for a moment, and the gestures of this wearer beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from models.adaptation import State
from models.checkpoint import Member
from models.ensemble import Ensemble
from models.evidence import by_gesture
from models.following import FAMILY, Dense, dense
from models.networks import Networks
from models.population import Array, Classes, Population, inverse
from models.refit import fronted, refit
from models.repetition import Repetition
from models.stored import Golden
from models.wearer import Calibrated

CERTAIN = 1e-3
"""Probability that a labelled repetition leaves to all other gestures."""

SHARE, ALONE = 0.75, 3.0
"""How much the gestures of the wearer count beside networks that were trained on, which count 1, and beside networks
none of which could be."""

FADED = 0.5
"""Share of its weight that a network keeps that cannot be trained on, beside one that was, after one repetition of each
gesture; after k of them a k-th of a k-th of that: the more is known, the less it has to say."""


class Personal(NamedTuple):
    """A wearer's own recogniser.

    Attributes:
        networks: trained on.
        population: in general.
        calibrated: the wearer's.
    """

    ensemble: Ensemble
    population: Population
    calibrated: Calibrated

    def answers(self, windows: NDArray[np.float32], *, views: bool = True) -> Array:
        """Probabilities ``(B, K)`` of windows ``(B, N, C)`` as this wearer's armband gives them."""
        order = self.calibrated.order
        turned = windows if order is None else np.ascontiguousarray(windows[:, :, list(order)])
        given = Networks(self.ensemble, torch.device("cpu"), views=views).batch(turned)
        return self.calibrated.join(self.population, turned, given)

    @property
    def network(self) -> Dense | None:
        """The weightiest member that can follow a wearer, as it is now; None where none can."""
        can = [member for member in self.ensemble.members if member.checkpoint.family == FAMILY]
        if not can:
            return None
        member = max(can, key=lambda member: member.weight)
        tensors = {name: tensor.numpy() for name, tensor in member.module.state_dict().items()}
        return dense(tensors, member.checkpoint.config, member.reading)


def personalise(
    ensemble: Ensemble,
    population: Population,
    labels: Sequence[str],
    used: Sequence[Repetition],
    order: tuple[int, ...] | None = None,
) -> Personal:
    """Networks trained on, and the gestures of this wearer.

    Args:
        ensemble: as it was loaded; it is left as it is.
        population: in general.
        labels: K gestures.
        used: repetitions as the armband gives them, at least one of each gesture.
        order: of the channels.
    """
    used = reordered(used, order)
    gesture = np.array([labels.index(one.gesture) for one in used], np.int64)
    windows = np.concatenate([one.windows for one in used])
    truth = np.repeat(gesture, [len(one.windows) for one in used])
    counts = np.bincount(gesture, minlength=len(labels)).astype(np.float64)
    fading = FADED / float(np.median(counts)) ** 2  # rest, if it is a label, is shown more often than gestures
    members = _trained_on(ensemble.members, windows, truth, len(labels), min(1.0, fading))
    blocks = np.stack([population.features(one.windows).mean(0) for one in used])
    means = population.posterior(by_gesture(blocks, gesture, len(labels)), counts)
    classes = Classes.of(means, inverse(population.within + population.doubt(counts)))
    others = np.full((len(used), len(labels)), np.log(CERTAIN / (len(labels) - 1)))
    others[np.arange(len(used)), gesture] = np.log(1 - CERTAIN)
    share = SHARE if any(fronted(member.module) for member in members) else ALONE
    calibrated = Calibrated(State(blocks, others), classes, share, order)
    return Personal(ensemble._replace(members=members), population, calibrated)


def reordered(repetitions: Sequence[Repetition], order: tuple[int, ...] | None) -> list[Repetition]:
    """With the channels where the training people had them."""
    if order is None:
        return list(repetitions)
    return [one._replace(windows=np.ascontiguousarray(one.windows[:, :, list(order)])) for one in repetitions]


def own(member: Member, windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a member reads of windows ``(B, N, C)`` of its ensemble."""
    read = windows[:, member.reading.skip :]
    return np.ascontiguousarray(read * np.array(member.reading.gain or (1.0,), np.float32))


def _trained_on(
    members: Sequence[Member],
    windows: NDArray[np.float32],
    truth: NDArray[np.int64],
    gestures: int,
    faded: float,
) -> tuple[Member, ...]:
    """Who can be trained on is; beside those the others, who know the wearer no better than before, fade."""
    can = [fronted(member.module) for member in members]
    kept = faded if any(can) else 1.0
    weights = [member.weight * (1.0 if able else kept) for member, able in zip(members, can, strict=True)]
    found = []
    for member, able, weight in zip(members, can, weights, strict=True):
        changed = member._replace(weight=weight / sum(weights))
        if able:
            module = refit(member.module, own(member, windows), truth, gestures)
            with torch.inference_mode():
                x = torch.from_numpy(own(member, member.golden.windows)).transpose(1, 2).contiguous()
                logits = module(x).numpy()
            changed = changed._replace(module=module, golden=Golden(member.golden.windows, logits))
        found.append(changed)
    return tuple(found)
