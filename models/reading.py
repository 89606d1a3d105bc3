"""What each member of an ensemble reads of the one window that all of them are given.

Members may have been trained on windows of unlike length and on data of unlike scale, as long as the filters before
them are the same. The ensemble's window is as long as the longest of theirs; a shorter one is its newest part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.design import Design, DspSpec
from models.stored import Golden


class Reading(NamedTuple):
    """From the ensemble's window to a member's.

    Attributes:
        skip: samples at the beginning that the member does not read.
        gain: of each channel, from the ensemble's scale to the member's; empty where they are the same.
    """

    skip: int = 0
    gain: tuple[float, ...] = ()

    def undone(self, golden: Golden) -> Golden:
        """A member's golden windows as an ensemble would be given them: zeros before, in the ensemble's scale."""
        if self == WHOLE:
            return golden
        windows = golden.windows / np.array(self.gain or (1.0,), np.float32)
        return Golden(np.pad(windows, ((0, 0), (self.skip, 0), (0, 0))).astype(np.float32), golden.logits)


EQUAL = 1e-12
"""By which coefficients of filters may differ that are the same."""

WHOLE = Reading()
"""Of who is alone, or has the same windows as the rest."""


def joint(designs: Sequence[Design]) -> tuple[Design, tuple[Reading, ...]]:
    """The signal processing of an ensemble, and what each member reads of its windows.

    Args:
        designs: of the members; hop and scale are those of the first.

    Raises:
        ValueError: the filters differ; says which setting.
    """
    first = designs[0]
    for other in designs[1:]:
        if differing := _differing(first, other):
            raise ValueError(differing)
    longest = max((one.spec for one in designs), key=lambda spec: spec.window)
    spec = replace(first.spec, window_ms=longest.window_ms)
    return replace(first, spec=spec), tuple(
        Reading(spec.window - one.spec.window, _gain(spec, one.spec)) for one in designs
    )


def _differing(first: Design, other: Design) -> str:
    """The settings of the filters that are not the same, in words; "" where all are."""
    alike = replace(other.spec, window_ms=first.spec.window_ms, hop_ms=first.spec.hop_ms, scale_uv=first.spec.scale_uv)
    if alike == first.spec and _as_good_as_equal(first, other):
        return ""
    one, two = first.spec.to_json(), alike.to_json()
    names = [name for name in one if one[name] != two[name]]
    said = "; ".join(f"dsp.{name} {one[name]} and {two[name]}" for name in names)
    return said or "the same settings, but other coefficients"


def _as_good_as_equal(first: Design, other: Design) -> bool:
    """On two machines the last digits of a designed filter may differ, by less than float32 shows of what it gives."""
    pairs = list(zip(first.arrays(), other.arrays(), strict=True))
    return all(one.shape == two.shape and np.allclose(one, two, rtol=EQUAL, atol=EQUAL) for one, two in pairs)


def _gain(whole: DspSpec, own: DspSpec) -> tuple[float, ...]:
    if whole.scale_uv == own.scale_uv:
        return ()
    scales = [np.broadcast_to(np.array(spec.scale_uv or (1.0,)), whole.channels) for spec in (whole, own)]
    ratio: NDArray[np.float64] = scales[0] / scales[1]
    return tuple(ratio.tolist())
