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
from typing import Any

import torch
from torch import Tensor

from models import plain


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
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed is {self.seed}; give a number from 0 to 2**63 - 1")

    @property
    def count(self) -> int:
        """V, the views with the original."""
        return 1 + 2 * (self.shift > 0) + (self.noise > 0) + (self.gain != 1)

    def apply(self, x: Tensor) -> Tensor:
        """All views of a batch: ``(B, C, T)`` to ``(V*B, C, T)``, the whole batch for one view after another.

        Raises:
            ValueError: the shift is as long as the window or longer.
        """
        if self.count == 1:
            return x
        length = x.shape[-1]
        if self.shift >= length:
            raise ValueError(
                f"views.shift is {self.shift} samples, but the window has only {length}; "
                "use a smaller shift or longer windows, or switch the views off"
            )
        views = [x]
        if self.shift:
            views += [torch.roll(x, -self.shift, -1), torch.roll(x, self.shift, -1)]
        if self.noise:
            views.append(x + self.noise * _noise(self.seed, x.shape[-2], length, x.device))
        if self.gain != 1:
            views.append(x * self.gain)
        return torch.cat(views)

    def mean(self, probabilities: Tensor) -> Tensor:
        """Means over the views: ``(V*B, ...)`` in the order of ``apply`` to ``(B, ...)``."""
        if self.count == 1:
            return probabilities
        return probabilities.view(self.count, -1, *probabilities.shape[1:]).mean(0)

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
def _noise(seed: int, channels: int, length: int, device: torch.device) -> Tensor:
    """``(C, T)`` standard normal, the same on every device since it is drawn on the CPU."""
    with torch.inference_mode(False):
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(channels, length, generator=generator).to(device)
