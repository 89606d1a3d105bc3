"""Settling in without labels: the gestures of this wearer, from what the networks think of what has passed.

The means of blocks of a second and a half are given to gestures by what the networks said of them; the wearer's
gestures follow from these by the two-covariance model (``models.population``), and from the gestures a better guess to
which each block belongs: expectation and maximisation, a few rounds over all blocks. The answer is the networks' and
the gestures' together. The networks themselves stay as they are, so that nothing can be forgotten, and the gestures are
estimated anew from the first guess each time, so that an error cannot feed itself. Where one of the networks can, it is
computed once more with normalisations that follow the wearer, and answers beside the others (``models.following``).

Where training people wore the armband in several ways, it is first found out in which this wearer does
(``models.turning``); when that changes, what was learnt of the gestures until then is forgotten.

What keeps it from making things worse:

- A block that is unlike every gesture of every training person (rest, another movement, an electrode that fell off) is
  not learnt from, and the gestures do not answer for such a window.
- The gestures count the less, the more they disagree with the networks about what has passed.
- Normalisations come half of the way at most.
- Where the gestures as they came to be explain new blocks worse than those of people in general do, the armband was
  moved or is on another arm: what was learnt until then is forgotten.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.following import Following
from models.population import Array, Classes, Population, distances, inverse, softmax
from models.turning import Turning

LOOKS = 4
"""Windows of a block by which it is judged how the armband sits: of 400 ms in 1.6 s, one after another."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How boldly it settles in; chosen on folds of people 1-16 of Synapse.

    Attributes:
        block_ms: of windows whose mean is learnt from.
        certainty: by which the gestures' log-likelihoods are multiplied: windows overlap, and are not that normal.
        trust: of the networks' mean log probability, in the first guess.
        kept: share of the first guess that stays in later ones.
        rounds: of expectation and maximisation.
        memory: blocks that are remembered.
        agreement: share of the blocks on which gestures and networks agree at which the gestures count ``least``, and
            at which they count in full.
        least: see there; of counting in full.
        most: times that the gestures count as much as the networks, in full.
        patience: blocks over which the gestures must explain worse what comes, before they are forgotten.
    """

    block_ms: float = 1600.0
    certainty: float = 0.2
    trust: float = 2.0
    kept: float = 0.5
    rounds: int = 3
    memory: int = 400
    agreement: tuple[float, float] = (0.5, 0.8)
    least: float = 0.3
    most: float = 1.0
    patience: int = 8


class State(NamedTuple):
    """What a wearer has taught so far.

    Attributes:
        blocks: ``(n, F)`` float64 means of what passed, the oldest first.
        guesses: ``(n, K)`` float64 what the networks thought of each, mean log probabilities.
        evidence: ``(A,)`` float64 of how the armband sits, as in ``models.turning.Turning``; ``(0,)`` where that is not
            looked for.
        way: number of the arrangement that the blocks are in.
        followed: ``(S,)`` float64 as in ``models.following.Following``; ``(0,)`` where no network follows.
    """

    blocks: Array
    guesses: Array
    evidence: Array = np.empty(0)
    way: int = 0
    followed: Array = np.empty(0)


class Adaptation:
    """One wearer, getting to be known. One thread at a time.

    Attributes:
        share: how much the gestures count, 0 (nothing known) to 1 (as much as the networks).
        forgotten: how many times it began anew by itself.
        refused: blocks that were like no gesture.
        turned: how many times it found that the armband sits otherwise than was thought.
    """

    def __init__(
        self,
        population: Population,
        hop_ms: float,
        settings: Settings | None = None,
        *,
        placed: bool = False,
        following: Following | None = None,
    ) -> None:
        """Knows nothing of the wearer.

        Args:
            population: in general.
            hop_ms: between two windows.
            settings: how boldly; None for the usual ones.
            placed: the channels are in order already, as calibration found it.
            following: a network of the checkpoint that follows the wearer, nobody yet; None for none.
        """
        self.population = population
        self.settings = settings or Settings()
        channels = len(population.covariances.whitening) // (1 + population.covariances.differences)
        self._turning = Turning(population, channels) if population.otherwise and not placed else None
        self._following = following
        self._windows = max(1, round(self.settings.block_ms / hop_ms))
        self._every = max(1, self._windows // LOOKS)
        self._precision: Array = inverse(population.within)
        self._wide: Array = inverse(population.between)
        self._cold = Classes.of(population.means, self._wide)
        self._gain = float(np.linalg.slogdet(self._precision)[1] - np.linalg.slogdet(self._wide)[1])
        self.reset()

    def reset(self) -> None:
        """Knows nothing of the wearer again."""
        self.forgotten, self.refused, self.turned = 0, 0, 0
        if self._turning is not None:
            self._turning.reset()
        self._forget()

    def begin(self) -> None:
        """A new block; what was in the last one is not learnt from."""
        self._sum, self._said, self._count = np.zeros(len(self.population.own)), np.zeros(len(self._means)), 0
        self._window: NDArray[np.float32] | None = None
        if self._turning is not None:
            self._turning.begin()
        if self._following is not None:
            self._following.drop()

    @property
    def order(self) -> tuple[int, ...] | None:
        """For each channel that the networks know, the channel of this armband in its place; None for all in order."""
        return None if self._turning is None else self._turning.order

    @property
    def state(self) -> State:
        """To be kept, and given to ``restore``."""
        state = State(self._blocks, self._guesses)
        if self._turning is not None:
            state = state._replace(evidence=self._turning.evidence, way=self._turning.way)
        return state if self._following is None else state._replace(followed=self._following.state)

    def restore(self, state: State) -> None:
        """Goes on from there.

        Raises:
            ValueError: it is of another checkpoint, or holds what is no number.
        """
        size, gestures = len(self.population.own), len(self.population.means)
        shapes = state.blocks.shape, state.guesses.shape
        count = len(state.blocks)
        if shapes != ((count, size), (count, gestures)) or not all(np.isfinite(array).all() for array in state[:2]):
            raise ValueError(
                f"what is known of this wearer has the shapes {shapes[0]} and {shapes[1]}, and this checkpoint takes "
                f"(n, {size}) and (n, {gestures}), all of them numbers; it belongs to another checkpoint: begin anew"
            )
        if state.way and self._turning is None:
            raise ValueError(
                f"what is known of this wearer is of an armband in arrangement {state.way}, and this checkpoint does "
                "not look for how it sits; it belongs to another checkpoint: begin anew"
            )
        self.reset()
        if self._turning is not None and len(state.evidence):
            self._turning.restore(state.evidence, state.way)
        if self._following is not None and len(state.followed):
            self._following.restore(state.followed)
        self._blocks, self._guesses = (
            array[-self.settings.memory :].astype(np.float64) for array in (state.blocks, state.guesses)
        )
        if count:
            self._learn()

    def answer(self, window: NDArray[np.float32], probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities ``(K,)`` of networks and gestures together; remembers both for ``learn``.

        Args:
            window: ``(N, C)``, its channels in ``order``.
            probabilities: ``(K,)`` of the networks for it. What is no number comes back as it is.
        """
        if not isfinite(float(probabilities.sum())):
            return probabilities
        if self._following is not None:
            probabilities = self._following.join(window, probabilities)
        features = self.population.features(window[None])
        if self._turning is not None and self._count % self._every == 0:
            self._window = window.copy()
        self._sum += features[0]
        self._said += np.log(probabilities + 1e-3)
        self._count += 1
        if self.share and not self._strange(features, 1):
            mine = softmax(self.settings.certainty * self._classes.logits(features))[0]
            probabilities = ((probabilities + self.share * mine) / (1 + self.share)).astype(np.float32)
        return probabilities if self._following is None else self._following.surer(probabilities)

    def learn(self) -> None:
        """Where a block is complete: takes it in, or refuses it. To be called after each answer, when there is time.

        ``order`` may be another one then.
        """
        if self._turning is not None and self._window is not None:
            self._turning.look(self._window)
            self._window = None
        if self._count < self._windows:
            return
        if self._turning is not None and self._turning.weigh():
            self.turned += 1
            self._forget()
            return
        block, said = self._sum / self._count, self._said / self._count
        if not np.isfinite(block).all() or self._strange(block[None], 0):
            self.refused += 1
            self.begin()
            return
        if self._following is not None:
            self._following.learn()
        self.begin()
        self._watch(block)
        self._blocks, self._guesses = (
            np.vstack([past[1 - self.settings.memory :], new])
            for past, new in ((self._blocks, block), (self._guesses, said))
        )
        self._learn()

    def _forget(self) -> None:
        """The gestures of this wearer."""
        size, gestures = len(self.population.own), len(self.population.means)
        self._blocks, self._guesses = np.empty((0, size)), np.empty((0, gestures))
        self.share = 0.0
        self._means, self._classes = self.population.means, self._cold
        self._worth: deque[float] = deque(maxlen=self.settings.patience)
        if self._following is not None:
            self._following.reset()
        self.begin()

    def _strange(self, features: Array, level: int) -> bool:
        nearest = distances(features, self.population.means, self._wide).min()
        return not bool(nearest <= self.population.limits[level])

    def _watch(self, block: Array) -> None:
        """Forgets what no longer fits: the newest blocks alone decide what was learnt from the ones before."""
        if not self.share:
            return
        mine = distances(block[None], self._means, self._precision).min()
        others = distances(block[None], self.population.means, self._wide).min()
        self._worth.append((others - mine + self._gain) / 2)
        if len(self._worth) == self.settings.patience and sum(self._worth) < 0:
            patience = self.settings.patience
            self._blocks, self._guesses = self._blocks[-patience:], self._guesses[-patience:]
            self._worth.clear()
            if self._following is not None:
                self._following.reset()
            self.forgotten += 1

    def _learn(self) -> None:
        blocks, guesses = self._blocks, self._guesses
        settings = self.settings
        first = settings.trust * guesses
        shares = softmax(first)
        for _ in range(settings.rounds):
            counts = shares.sum(0)
            means = shares.T @ blocks / np.maximum(counts, 1e-6)[:, None]
            self._means = self.population.posterior(means, counts)
            self._classes = Classes.of(self._means, self._precision)
            logits = self._classes.logits(blocks)
            shares = softmax(settings.certainty * logits + settings.kept * first)
        agree = float((logits.argmax(1) == guesses.argmax(1)).mean())
        low, high = settings.agreement
        self.share = settings.most * float(np.clip((agree - low) / (high - low), settings.least, 1))
