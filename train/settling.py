"""Windows one after another, as a recogniser that settles in to the wearer would meet them live."""

from __future__ import annotations

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
    if networks.calibrated is not None and networks.calibrated.order is not None:
        windows = windows[:, :, list(networks.calibrated.order)]  # who is calibrated is not turned any more
    order, worn, given = None, windows, cold
    rows = np.empty_like(cold)
    for place in range(len(windows)):
        if adaptation.order != order:
            order = adaptation.order
            worn = windows if order is None else windows[:, :, order]
            given = cold if order is None else _answers(networks, worn)
        rows[place] = adaptation.answer(worn[place], given[place])
        adaptation.learn()
    return rows


def _answers(networks: Networks, windows: NDArray[np.float32]) -> Probabilities:
    return np.concatenate([networks.batch(windows[k : k + AT_ONCE]) for k in range(0, len(windows), AT_ONCE)])
