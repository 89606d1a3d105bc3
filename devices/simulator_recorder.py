"""What electrodes, cables and amplifier add to the potentials of the muscles.

- White noise of 1.0-2.6 uV rms, skin, electrode and amplifier together: a good contact. Huigen, Peper & Grimbergen
  (Med Biol Eng Comput 40:332-338, 2002) measured 1-20 uV rms, depending on how the skin was treated.
- Slow noise, which outweighs the white below some tens of hertz, drift and offset of the electrodes.
- Movement artefacts below 20 Hz, the corner that De Luca et al. (J Biomech 43:1573-1579, 2010) recommend against them.
- Mains hum with harmonics, and gains that differ by a few percent.

These disturbances are reviewed by Clancy, Morin & Merletti, J Electromyogr Kinesiol 12:1-16, 2002; the sizes other than
that of the white noise are chosen here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.compiled import compiled

Floats = NDArray[np.float64]

MAINS_HARMONICS = (1.0, 0.12, 0.3, 0.05, 0.12)
"""Of 50 Hz and its multiples; odd ones are the stronger (chosen here)."""
_CORNERS_HZ = np.array([0.03, 0.5, 5.0])
_STRENGTHS = np.array([10.0, 1.0, 1.0])
"""First-order low-passes a decade apart and equally strong add up to a spectrum close to 1/f between their corners (0.5
and 5 Hz) and 1/f^2 above; the slowest is the drift of the electrodes, ten times as strong."""


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """One donning of the belt: where it sits, and how good each contact is.

    Attributes:
        electrodes: ``(C,)`` angle of each electrode pair around the arm, rad.
        shift_m: of the belt towards the hand.
        gain: ``(C,)``.
        offset_uv: ``(C,)``.
        white_uv: ``(C,)`` rms of the white noise between 0 and 500 Hz.
        slow_uv: ``(C,)`` rms of each part of the slow noise, and a tenth of that of the drift.
        mains_uv: ``(C,)`` amplitude of the hum.
        mains_phase: ``(C,)`` rad.
        mains_hz: close to 50.
    """

    electrodes: Floats
    shift_m: float
    gain: Floats
    offset_uv: Floats
    white_uv: Floats
    slow_uv: Floats
    mains_uv: Floats
    mains_phase: Floats
    mains_hz: float


def draw_setup(person: int, session: int, channels: int = 8) -> Setup:
    """The belt on ``person`` in ``session``: turned by some degrees, moved by some millimetres."""
    rng = np.random.default_rng(np.random.SeedSequence([2, person, session]))
    turn = np.deg2rad(np.clip(rng.normal(0.0, 7.0), -15.0, 15.0))
    return Setup(
        electrodes=2 * np.pi * np.arange(channels) / channels + turn + np.deg2rad(rng.normal(0.0, 1.0, channels)),
        shift_m=float(np.clip(rng.normal(0.0, 0.005), -0.01, 0.01)),
        gain=1.0 + rng.normal(0.0, 0.03, channels),
        offset_uv=rng.normal(0.0, 80.0, channels),
        white_uv=rng.uniform(1.0, 2.6, channels),
        slow_uv=rng.uniform(1.0, 4.0, channels),
        mains_uv=4.0 * np.exp(rng.normal(0.0, 0.5, channels)),
        mains_phase=rng.uniform(-0.6, 0.6, channels) + rng.uniform(0.0, 2 * np.pi),
        mains_hz=50.0 + rng.uniform(-0.04, 0.04),
    )


class Recorder:
    """Turns potentials into what is recorded, in stretches that join without a seam."""

    def __init__(self, setup: Setup, rate_hz: float, rng: np.random.Generator) -> None:
        self.setup, self.rate_hz, self.rng = setup, rate_hz, rng
        self.slow = _STRENGTHS[:, None] * rng.standard_normal((len(_STRENGTHS), len(setup.gain)))
        self.at = 0

    def record(self, potentials: Floats) -> NDArray[np.float32]:
        """``(T, C)`` microvolts on the skin to ``(T, C)`` float32 microvolts in the file."""
        setup, shape = self.setup, potentials.shape
        fresh = _STRENGTHS * self.rng.standard_normal((*shape, len(_STRENGTHS)))
        wander = low_passed(fresh, _CORNERS_HZ, self.rate_hz, self.slow)
        # White noise has a density, so a faster recording holds more of it.
        white = setup.white_uv * np.sqrt(self.rate_hz / 1000.0) * self.rng.standard_normal(shape)
        out = setup.gain * (potentials + self._mains(shape[0]) + setup.slow_uv * wander) + setup.offset_uv + white
        self.at += shape[0]
        return np.asarray(out, np.float32)

    def jolt(self, length: int) -> Floats:
        """``(length, C)`` movement artefact: damped swings of a few hertz, of a size of its own at each electrode."""
        t = np.arange(length)[:, None] / self.rate_hz
        channels = len(self.setup.gain)
        size = self.rng.normal(0.0, 25.0, channels)
        frequency, decay = self.rng.uniform(1.5, 6.0, channels), self.rng.uniform(0.08, 0.25)
        return np.asarray(size * np.sin(2 * np.pi * frequency * t) * np.exp(-t / decay))

    def _mains(self, length: int) -> Floats:
        turns = self.setup.mains_hz * (self.at + np.arange(length)) / self.rate_hz
        angle = 2 * np.pi * (turns % 1.0)[:, None] + self.setup.mains_phase
        nyquist = self.rate_hz / 2
        hum = np.zeros((length, len(self.setup.gain)))
        for multiple, share in enumerate(MAINS_HARMONICS, start=1):
            if multiple * self.setup.mains_hz < nyquist:
                hum += share * np.sin(multiple * angle)
        return np.asarray(self.setup.mains_uv * hum)


def low_passed(white: Floats, corners_hz: Floats, rate_hz: float, state: Floats) -> Floats:
    """Sum of first-order low-passes of white noise, each with the variance of what goes into it.

    Args:
        white: ``(T, C, P)`` independent deviates.
        corners_hz: ``(P,)``.
        rate_hz: sampling rate.
        state: ``(P, C)`` last value of each part, carried over to the next call.

    Returns:
        ``(T, C)``.
    """
    memory = np.exp(-2 * np.pi * corners_hz / rate_hz)
    out = np.zeros(white.shape[:2])
    _low_pass(white, memory, np.sqrt(1.0 - memory**2), state, out)
    return out


def _low_pass_slowly(white: Any, memory: Any, fresh: Any, state: Any, out: Any) -> None:
    for t in range(white.shape[0]):
        for c in range(white.shape[1]):
            for p in range(white.shape[2]):
                state[p, c] = memory[p] * state[p, c] + fresh[p] * white[t, c, p]
                out[t, c] += state[p, c]


_low_pass: Any = compiled()(_low_pass_slowly)
