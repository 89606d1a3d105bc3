"""Members and views on the CPU: the engine around whatever gives the logits of a member for some rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.classifier import Effort, Probabilities, Windows
from models.engines.rows import Rows, mean_over_views
from models.listing import Listing
from models.views import Views

Logits = Callable[[int, NDArray[np.float32]], NDArray[np.float32]]
"""A member's place and rows ``(R, C, N)`` to its logits ``(R, K)``."""

Benches = dict[tuple[Views, int], Rows]
"""Rows by what they show and of how many windows."""

AT_ONCE = 8
"""Windows in one pass: what a layer hands to the next has to stay in the cache."""


class Vote:
    """An ``Engine``: the weighted mean over views and members of what a function says of them.

    Args:
        listing: of the checkpoint.
        logits: of a member for some rows.
        name: of the engine, for people.
        device: where ``logits`` computes, for people.
        streams: S.
    """

    def __init__(self, listing: Listing, logits: Logits, name: str, device: str = "cpu", streams: int = 1) -> None:
        spec = listing.cards[0].design.spec
        self.name, self.device = name, device
        self._logits = logits
        self._classes = len(listing.cards[0].labels)
        self._weights = listing.weights
        self._views = [card.views for card in listing.cards]
        self._size = (spec.channels, spec.window)
        # Members with the same views look at the same rows; the last block may be smaller than the others.
        self._blocks = [min(AT_ONCE, streams - at) for at in range(0, streams, AT_ONCE)]
        self._present, self._unrelated = Benches(), Benches()
        self._taken = np.zeros((streams, spec.window, spec.channels), np.float32)
        for size in self._blocks:
            self._prepare(self._taken[:size], self._present)

    def take(self, windows: Windows, fresh: int) -> None:  # noqa: ARG002 - the whole window is at hand
        """See ``Engine``; if the windows fit into one pass, their views are made as well."""
        if len(self._blocks) == 1:
            self._prepare(windows, self._present)
        else:
            np.copyto(self._taken, windows)

    def answer(self, effort: Effort) -> Probabilities:
        """See ``Engine``."""
        if len(self._blocks) == 1:
            return self._mixed(effort, self._blocks[0], self._present)
        return self._several(self._taken, effort, self._present)

    def rehearse(self, effort: Effort) -> None:
        """See ``Engine``."""
        self.answer(effort)

    def batch(self, windows: NDArray[np.float32], effort: Effort) -> NDArray[np.float32]:
        """See ``Engine``; a few windows at a time, in memory of their own."""
        return self._several(windows, effort, self._unrelated)

    def _several(self, windows: NDArray[np.float32], effort: Effort, benches: Benches) -> NDArray[np.float32]:
        answers = np.zeros((len(windows), self._classes), np.float32)
        for at in range(0, len(windows), AT_ONCE):
            some = windows[at : at + AT_ONCE]
            self._prepare(some, benches)
            answers[at : at + len(some)] = self._mixed(effort, len(some), benches)
        return answers

    def _prepare(self, windows: Windows, benches: Benches) -> None:
        for views in dict.fromkeys(self._views):
            rows = benches.get((views, len(windows)))
            if rows is None:
                rows = benches[views, len(windows)] = Rows(views, len(windows), *self._size)
            rows.fill(windows)

    def _mixed(self, effort: Effort, size: int, benches: Benches) -> Probabilities:
        total = sum(self._weights[member] for member in effort.members)
        mixed = np.zeros((size, self._classes), np.float32)
        for member in effort.members:
            rows = benches[self._views[member], size].of(effort.views)
            share = np.float32(self._weights[member] / total)
            mixed += share * mean_over_views(self._logits(member, rows), size)
        return mixed
