"""Windows one after another, as a recogniser that settles in to the wearer would meet them live."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.adaptation import Adaptation
from models.networks import Networks
from train.answers import AT_ONCE, Probabilities


def settled(
    networks: Networks, adaptation: Adaptation, windows: NDArray[np.float32], cold: Probabilities
) -> Probabilities:
    """Goes on settling in, window by window.

    Args:
        networks: of the checkpoint.
        adaptation: of the wearer; goes on from where it is.
        windows: ``(W, N, C)``, as the armband gives them.
        cold: ``(W, K)`` what the networks say to them.

    Returns:
        ``(W, K)`` what both say together. The networks are asked anew where the armband is found to sit otherwise.
    """
    began = adaptation.order
    given = cold if began is None else _answers(networks, windows, began)
    rows = np.empty_like(cold)
    for place, window in enumerate(windows):
        rows[place] = adaptation.answer(window, given[place])
        adaptation.learn()
        if (order := adaptation.order) != began:
            began, given = order, cold if order is None else _answers(networks, windows, order)
    return rows


def _answers(networks: Networks, windows: NDArray[np.float32], order: Sequence[int]) -> Probabilities:
    parts = [networks.batch(windows[k : k + AT_ONCE][:, :, list(order)]) for k in range(0, len(windows), AT_ONCE)]
    return np.concatenate(parts)
