"""From probabilities to decisions: smoothing, rejection, hysteresis."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Decision(NamedTuple):
    """What the recogniser says about one window.

    Attributes:
        label: the gesture, or None where it abstains.
        confidence: smoothed probability of ``label`` (of the likeliest gesture where it abstains).
        probabilities: ``(K,)`` float32 of the classifier for this window alone, before smoothing.
        first: stream index of the window's first sample.
        end: stream index after its last one.
    """

    label: str | None
    confidence: float
    probabilities: NDArray[np.float32]
    first: int
    end: int
