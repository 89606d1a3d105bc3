"""Test-time augmentation: a window is looked at several times, and the probabilities are averaged.

The shift is circular: what leaves at one end enters at the other. The source of the system does not say whether it
shifts so or fills with zeros. It is harmless here: the seam is one step in a signal that swings around zero anyway,
no higher than the steps between noise-like samples; it touches as many outputs of a convolution as the zero padding
at both ends does; the network averages over time; and a circular shift keeps the window's energy, where zeros would
take a share of shift/T of it away.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import plain


class Arrangement(NamedTuple):
    """What the V views of a ``(C, T)`` window are: ``roll(window, -shift[v]) * gain[v] + noise[v]`` for each v.

    The original comes first, then what is worth most, so that the first few are the ones to keep.

    Attributes:
        shift: ``(V,)`` int64, samples to the left.
        gain: ``(V,)`` float32.
        noise: ``(V, C, T)`` float32.
    """

    shift: NDArray[np.int64]
    gain: NDArray[np.float32]
    noise: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Views:
    """The views besides the original; a neutral value (0, 0.0, 1.0) leaves its view out.

    Attributes:
        shift: samples by which one view is shifted to the left and another to the right.
        noise: standard deviation of the Gaussian noise added to one view, in normalised units (the pipeline has
            scaled the samples so that their typical RMS is 1).
        gain: factor of one view.
        seed: of the noise, which is the same for every window, so that a decision can be reproduced.
    """

    shift: int = 10
    noise: float = 0.02
    gain: float = 1.05
    seed: int = 0

    def __post_init__(self) -> None:
        if self.shift < 0:
            raise ValueError(f"shift is {self.shift}; give samples from 0 (no shifted views) up")
        if self.noise < 0:
            raise ValueError(f"noise is {self.noise}; give a standard deviation from 0 (no such view) up")
        if not self.gain > 0:
            raise ValueError(f"gain is {self.gain}; give a factor above 0 (1 for no such view)")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed is {self.seed}; give a number from 0 to 2**32 - 1")

    @property
    def count(self) -> int:
        """V, the views with the original."""
        return 1 + 2 * (self.shift > 0) + (self.noise > 0) + (self.gain != 1)

    def arranged(self, channels: int, length: int) -> Arrangement:
        """The views as arrays, for windows of one size.

        Raises:
            ValueError: the shift is as long as the window or longer.
        """
        if self.shift >= length:
            raise ValueError(
                f"views.shift is {self.shift} samples, but the window has only {length}; "
                "use a smaller shift or longer windows, or switch the views off"
            )
        seen = [(0, 1.0, 0.0)]
        seen += [(self.shift, 1.0, 0.0), (-self.shift, 1.0, 0.0)] if self.shift else []
        seen += [(0, 1.0, self.noise)] if self.noise else []
        seen += [(0, self.gain, 0.0)] if self.gain != 1 else []
        shift, gain, noise = zip(*seen, strict=True)
        bank = _bank(self.seed, channels, length)
        return Arrangement(
            np.array(shift, np.int64),
            np.array(gain, np.float32),
            np.array(noise, np.float32)[:, None, None] * bank,
        )

    def to_json(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return plain.to_json(self)

    @classmethod
    def from_json(cls, values: object) -> Views:
        """The inverse of ``to_json``.

        Raises:
            ValueError: unknown key or impossible value.
        """
        return plain.from_json(cls, values, "views")


ORIGINAL = Views(shift=0, noise=0.0, gain=1.0)
"""Views switched off: only the window as it is."""


@lru_cache(maxsize=32)
def _bank(seed: int, channels: int, length: int) -> NDArray[np.float32]:
    """``(C, T)`` standard normal. ``RandomState`` and no newer generator, since NumPy has frozen what it draws."""
    drawn = np.random.RandomState(seed).standard_normal((channels, length))
    return drawn.astype(np.float32)
