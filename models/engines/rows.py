"""Windows and their views as the rows of one batch, in memory that is allocated once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.views import Views


class Rows:
    """The views of S windows side by side, the whole batch for one view after another.

    So the first v views are the first ``v * S`` rows, without a copy.

    Args:
        views: what is looked at.
        streams: S.
        channels: C.
        length: N.

    Attributes:
        count: V.
    """

    def __init__(self, views: Views, streams: int, channels: int, length: int) -> None:
        seen = views.arranged(channels, length)
        self.count = len(seen.shift)
        self._shift, self._gain = seen.shift.tolist(), seen.gain.tolist()
        self._noise = [noise if noise.any() else None for noise in seen.noise]
        self._memory = np.zeros((self.count, streams, channels, length), np.float32)

    def fill(self, windows: NDArray[np.float32]) -> None:
        """Takes windows ``(S, N, C)``; here they become ``(S, C, N)``."""
        first = self._memory[0]
        np.copyto(first, windows.transpose(0, 2, 1))
        for view in range(1, self.count):
            row, shift = self._memory[view], self._shift[view]
            if shift:
                row[..., :-shift], row[..., -shift:] = first[..., shift:], first[..., :shift]
                if self._gain[view] != 1:
                    np.multiply(row, self._gain[view], out=row)
            else:
                np.multiply(first, self._gain[view], out=row)
            if (noise := self._noise[view]) is not None:
                np.add(row, noise, out=row)

    def of(self, views: int) -> NDArray[np.float32]:
        """``(v * S, C, N)``: the rows of the first v views, V at most; a view of the memory."""
        some = self._memory[: min(views, self.count)]
        return some.reshape(-1, *some.shape[2:])


def mean_over_views(logits: NDArray[np.float32], streams: int) -> NDArray[np.float32]:
    """``(v * S, K)`` logits in the order of ``Rows`` to ``(S, K)`` mean probabilities."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    powers /= powers.sum(axis=1, keepdims=True)
    mean: NDArray[np.float32] = powers.reshape(-1, streams, logits.shape[1]).mean(axis=0)
    return mean
