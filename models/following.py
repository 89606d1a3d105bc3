"""A network whose normalisations follow the wearer, computed once more beside the engine; without PyTorch.

What a batch normalisation takes off its inputs are the mean and the variance of the training people. Those of one
wearer are others, and can be had without a label: adaptive batch normalisation (Li et al., Pattern Recognition
80:109-117, 2018). Engines have the normalisations folded into what they compiled, so they cannot move. But of a
tangent-space network (``models.tangent``) all that is learnt are a few dense layers, which NumPy computes in a fraction
of a millisecond. So the engine stays as it is, and this answers beside it, the more the longer it has followed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import stored
from models.card import WEIGHTS
from models.covariances import covariances, flattened
from models.listing import Listing
from models.population import Array, softmax
from models.reading import Reading

FAMILY = "tangent"
"""Whose checkpoints can follow."""

FLOOR, QUIET = 1e-3, 1e-6
"""As in ``models.tangent`` and ``models.blocks``."""

TINY = 1e-5
"""Added to a variance: that of PyTorch's batch normalisation."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How boldly it follows; chosen on folds of people 1-16 of Synapse.

    Attributes:
        half: blocks after which it has come half of the way.
        moved: share of the way from the training people's statistics to the wearer's, in the end.
        weight: of its answer beside the engine's, in the end.
        memory: blocks that count in full; once so many have passed, older ones fade.
        surer: power to which the answer of all together is taken, in the end: the mean of opinions is less sure than
            each of them, and decision layers are chosen for one.
    """

    half: float = 8.0
    moved: float = 0.5
    weight: float = 3.0
    memory: int = 400
    surer: float = 1.15


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """A tangent-space network of L dense layers, the last of which gives the logits. Made by ``dense``.

    Attributes:
        skip: samples at the beginning of the ensemble's window that it does not read.
        scale: of each channel, from the ensemble's windows to its own.
        matrix: ``(D, D)`` that decorrelates the channels and their differences.
        differences: orders of them.
        mean: of the inputs of all L normalisations, one after another, S numbers.
        variance: ``(S,)``.
        gain: ``(S,)``, 1 where it has none.
        shift: ``(S,)``, 0 where it has none.
        layers: L matrices ``(in, out)`` float32 with their biases ``(out,)``; before each is a normalisation, and
            between that and the layer, except the first, a GELU.
    """

    skip: int
    scale: NDArray[np.float32]
    matrix: Array
    differences: int
    mean: Array
    variance: Array
    gain: Array
    shift: Array
    layers: tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]

    def features(self, window: NDArray[np.float32]) -> Array:
        """Logarithm of the covariance of an ensemble's window ``(N, C)``, before any normalisation: ``(F,)``."""
        own = window[self.skip :] * self.scale
        white = self.matrix @ covariances(own[None], self.differences)[0] @ self.matrix.T
        size = float(np.sqrt(np.square(white).sum())) + QUIET
        values, vectors = np.linalg.eigh(white)
        logs = np.log(np.maximum(values, 0) + FLOOR * size)
        flat: Array = flattened(((vectors * logs) @ vectors.T)[None])[0]
        return flat

    def logits(
        self, features: Array, factor: NDArray[np.float32], offset: NDArray[np.float32]
    ) -> tuple[Array, NDArray[np.float32]]:
        """Logits ``(K,)`` of features ``(F,)``, and the inputs ``(S,)`` of all normalisations on the way.

        Args:
            features: see ``features``.
            factor: ``(S,)`` by which normalisations multiply.
            offset: ``(S,)`` that they add afterwards.
        """
        x, met, start = features.astype(np.float32), [], 0
        for place, (weights, bias) in enumerate(self.layers):
            met.append(x)
            some = slice(start, start + len(x))
            x = x * factor[some] + offset[some]
            if place:
                x = gelu(x)
            start = some.stop
            # Not `@`: BLAS would wait for all cores, and one that is busy takes milliseconds.
            x = np.einsum("i,ij->j", x, weights) + bias
        return x.astype(np.float64), np.concatenate(met)


def gelu(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """``x`` times the normal distribution up to it (Hendrycks & Gimpel, arXiv 1606.08415), within 1e-6.

    The error function is that of Abramowitz & Stegun, Handbook of Mathematical Functions, 7.1.26, which is wrong by
    1.5e-7 at most: NumPy has none, and SciPy takes longer to load than all that is live.
    """
    size = np.abs(x) * np.float32(0.5**0.5)
    t = 1 / (1 + np.float32(0.3275911) * size)
    tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    beyond: NDArray[np.float32] = 0.5 * x * (1 + np.sign(x) * (1 - tail * np.exp(-size * size)))
    return beyond


class Following:
    """One wearer being followed. One thread at a time."""

    def __init__(self, network: Dense, settings: Settings | None = None) -> None:
        """Has followed nobody yet.

        Args:
            network: as it was trained.
            settings: how boldly; None for the usual ones.
        """
        self.network = network
        self.settings = settings or Settings()
        self.reset()

    def reset(self) -> None:
        """Has followed nobody again."""
        self._passed = np.zeros((2, len(self.network.mean)))
        self._blocks = 0
        self._move()
        self.drop()

    @property
    def state(self) -> Array:
        """To be kept, and given to ``restore``: ``(1 + 2*S,)``."""
        return np.concatenate([[self._blocks], self._passed.ravel()])

    def restore(self, state: Array) -> None:
        """Goes on from there.

        Raises:
            ValueError: it is of another checkpoint, or no such state.
        """
        size = 1 + self._passed.size
        squares = state[1 + size // 2 :]
        if (
            state.shape != (size,)
            or not np.isfinite(state).all()
            or not 0 <= state[0] <= self.settings.memory
            or (squares < 0).any()
        ):
            raise ValueError(
                f"what was followed of this wearer has the shape {state.shape}, and this checkpoint takes ({size},), "
                "all of them numbers and no square below zero; it belongs to another checkpoint: begin anew"
            )
        self._blocks, self._passed = int(state[0]), state[1:].reshape(2, -1).copy()
        self._move()
        self.drop()

    def join(self, window: NDArray[np.float32], probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """The engine's answer ``(K,)`` to a window ``(N, C)`` and that of the network that follows, together.

        It remembers what it met for ``learn``.
        """
        logits, met = self.network.logits(self.network.features(window), self._factor, self._offset)
        self._block += met, np.square(met)
        self._windows += 1
        weight = self.settings.weight * self._known
        both: NDArray[np.float32] = ((probabilities + weight * softmax(logits)) / (1 + weight)).astype(np.float32)
        return both

    def surer(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """What everybody said together ``(K,)``, as sure as one of them."""
        powers = probabilities ** np.float32(self.settings.surer**self._known)
        sure: NDArray[np.float32] = powers / powers.sum()
        return sure

    def learn(self) -> None:
        """Follows what was answered since the last time: one block."""
        if self._windows:
            if self._blocks == self.settings.memory:
                self._passed *= 1 - 1 / self._blocks
                self._blocks -= 1
            self._passed += self._block / self._windows
            self._blocks += 1
            self._move()
        self.drop()

    def drop(self) -> None:
        """Follows nothing of what was answered since the last time."""
        self._block, self._windows = np.zeros((2, len(self.network.mean))), 0

    @property
    def _known(self) -> float:
        """How far it has come, from 0 to 1."""
        return self._blocks / (self._blocks + self.settings.half)

    def _move(self) -> None:
        network = self.network
        share = self.settings.moved * self._known
        own, squares = self._passed / max(1, self._blocks)
        mean = network.mean + share * (own - network.mean)
        variance = network.variance + share * (np.maximum(squares - own**2, 0) - network.variance)
        factor = network.gain / np.sqrt(variance + TINY)
        self._factor = factor.astype(np.float32)
        self._offset = (network.shift - mean * factor).astype(np.float32)


def network_in(listing: Listing) -> Dense | None:
    """The weightiest member of a checkpoint that can follow; None where none can.

    Raises:
        ValueError: its parameters are damaged.
    """
    can = [card for card in listing.cards if card.family == FAMILY]
    if not can:
        return None
    card = max(can, key=lambda card: card.weight)
    try:
        return dense(stored.read_tensors(card.path / WEIGHTS, card.sha256), card.config, card.reading)
    except (OSError, ValueError, LookupError) as error:
        raise ValueError(f"the checkpoint {card.path} cannot be used: {error}") from error


def dense(tensors: Mapping[str, NDArray[Any]], config: Mapping[str, Any], reading: Reading) -> Dense:
    """A tangent-space network in NumPy.

    Args:
        tensors: its parameters by their names.
        config: of the family, every key.
        reading: what it reads of the windows that it will be given.
    """
    hidden = range(len(config["hidden"]))
    norms = [_norm(tensors, "normalise"), *(_norm(tensors, f"dense.{4 * place + 2}") for place in hidden)]
    mean, variance, gain, shift = (np.concatenate(parts) for parts in zip(*norms, strict=True))
    names = [*(f"dense.{4 * place + 1}" for place in hidden), "head"]
    return Dense(
        skip=reading.skip,
        scale=np.array(reading.gain or (1.0,), np.float32),
        matrix=tensors["decorrelate.matrix"].astype(np.float64),
        differences=int(config["differences"]),
        mean=mean,
        variance=variance,
        gain=gain,
        shift=shift,
        layers=tuple(
            (np.ascontiguousarray(tensors[f"{name}.weight"].T, np.float32), tensors[f"{name}.bias"]) for name in names
        ),
    )


def _norm(tensors: Mapping[str, NDArray[Any]], name: str) -> Sequence[Array]:
    """Mean, variance, gain and shift."""
    mean, variance = (tensors[f"{name}.running_{what}"].astype(np.float64) for what in ("mean", "var"))
    gain = tensors.get(f"{name}.weight", np.ones(len(mean)))
    shift = tensors.get(f"{name}.bias", np.zeros(len(mean)))
    return mean, variance, gain.astype(np.float64), shift.astype(np.float64)
