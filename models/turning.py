"""How the armband sits, found without labels while it is worn.

Where training people wore it in more ways than one, a stranger will too. An arrangement of the electrodes under which
what passes looks like gestures of people in general is likelier than one under which it does not: the log-likelihood of
each block under an even mixture of the gestures (their means and the covariance of windows of all wearers) is added up
for every arrangement, and what lies back is slowly forgotten, since an armband is moved and put on anew.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.evidence import arrangements
from models.population import Array, Population, distances, inverse

MOST = 10.0
"""What one block can say at most for one arrangement against another: an odd movement is not to decide alone."""

FADING = 0.01
"""Share of what is known that each block takes away: half of it in about two minutes of blocks."""

LEAD = 50.0
"""By which another arrangement must be likelier than the one in use before it takes its place. These three were chosen
on the 54 sittings of Myo readings, whose people were strangers to what was known of the others."""


class Turning:
    """One wearer's armband. One thread at a time.

    Attributes:
        way: number of the arrangement in use, 0 as worn.
        evidence: ``(A,)`` of each arrangement, in the order of ``models.evidence.arrangements``.
    """

    def __init__(self, population: Population, channels: int) -> None:
        self._population = population
        self._ways = arrangements(channels)
        self._index = np.array(self._ways)
        self._precision = inverse(population.between)
        self.reset()

    def reset(self) -> None:
        """Knows nothing."""
        self.restore(np.zeros(len(self._ways)), 0)

    def restore(self, evidence: Array, way: int) -> None:
        """Goes on from there.

        Raises:
            ValueError: it is of another number of channels, or no numbers.
        """
        ways = len(self._ways)
        if evidence.shape != (ways,) or not np.isfinite(evidence).all() or not 0 <= way < ways:
            raise ValueError(
                f"how the armband sits is told by {evidence.size} numbers and arrangement {way}, and of this "
                f"checkpoint's {ways} arrangements each has one number; it belongs to another checkpoint: begin anew"
            )
        self.evidence, self.way = evidence.astype(np.float64), way
        self.begin()

    def begin(self) -> None:
        """A new block."""
        self._sum, self._looks = np.zeros((len(self._ways), len(self._population.own))), 0

    @property
    def order(self) -> tuple[int, ...] | None:
        """For each channel of the training people, the wearer's in its place; None where it sits as theirs."""
        return self._ways[self.way] if self.way else None

    def look(self, window: NDArray[np.float32]) -> None:
        """Takes in a window ``(N, C)`` of the present block, in the arrangement in use."""
        as_worn = np.argsort(self._ways[self.way])
        self._sum += self._population.features(window[:, as_worn[self._index]].transpose(1, 0, 2))
        self._looks += 1

    def weigh(self) -> bool:
        """The block is complete: whether from here on the armband is taken to sit otherwise."""
        if not self._looks:
            return False
        block = self._sum / self._looks
        self.begin()
        away = distances(block, self._population.means, self._precision)
        if not away.min() <= self._population.limits.block:  # what is no number is not
            return False
        nearest = away.min(1, keepdims=True)
        likely = np.log(np.exp((nearest - away) / 2).sum(1)) - nearest[:, 0] / 2
        self.evidence = (1 - FADING) * self.evidence + np.maximum(likely - likely.max(), -MOST)
        best = int(self.evidence.argmax())
        if best == self.way or self.evidence[best] - self.evidence[self.way] <= LEAD:
            return False
        self.way = best
        return True
