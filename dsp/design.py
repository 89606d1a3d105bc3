"""The frozen description of the signal processing, and the filter coefficients designed from it.

A ``DspSpec`` says what is wanted; a ``Design`` adds the coefficients. Both travel in the checkpoint, so that the
live path neither imports scipy nor can drift from what training saw.
"""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

HIGHEST_EDGE = 0.45
"""Upper band edge as a share of the rate: a margin, chosen here, below the Nyquist frequency (0.5)."""


HIGHEST_ORDER = 20
"""Of the band-pass prototype: far above what EMG needs, and below what float64 coefficients can still express."""


@dataclass(frozen=True, slots=True)
class DspSpec:
    """What happens to a sample between the device and the classifier. Frozen; serialises to JSON.

    Attributes:
        rate_hz: the only rate at which this processing runs.
        channels: number of channels.
        band_hz: edges of the Butterworth band-pass, or None; the upper one is clamped to 0.45 x rate.
        order: order of the band-pass prototype (4 gives four second-order sections).
        notch_hz: mains frequency to remove (50 or 60), or None where the data are already notched.
        notch_harmonics: how many multiples of ``notch_hz``, the fundamental included, are removed while they
            lie inside the band.
        notch_q: quality factor of each notch.
        window_ms: length of a window.
        hop_ms: distance between windows, at least one sample.
        scale_uv: microvolts that become 1.0, one value for each channel or one for all; fitted on training data.
            The band-pass removes the mean, so dividing by the standard deviation is the whole z-score. Empty:
            samples stay in microvolts.
    """

    rate_hz: float
    channels: int = 8
    band_hz: tuple[float, float] | None = (20.0, 450.0)
    order: int = 4
    notch_hz: float | None = None
    notch_harmonics: int = 3
    notch_q: float = 30.0
    window_ms: float = 400.0
    hop_ms: float = 160.0
    scale_uv: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        # 512 and 512.0 are one rate, and must have one fingerprint.
        for name in ("rate_hz", "notch_q", "window_ms", "hop_ms"):
            object.__setattr__(self, name, float(getattr(self, name)))
        object.__setattr__(self, "notch_hz", None if self.notch_hz is None else float(self.notch_hz))
        object.__setattr__(self, "band_hz", self.band_hz and (float(self.band_hz[0]), float(self.band_hz[1])))
        object.__setattr__(self, "scale_uv", tuple(float(scale) for scale in self.scale_uv))
        self._check_stream()
        self._check_filters()

    def _check_stream(self) -> None:
        for name in ("rate_hz", "window_ms", "hop_ms", "notch_q"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"dsp.{name} is {getattr(self, name)}; it must be a number above zero")
        if self.channels < 1:
            raise ValueError(f"dsp.channels is {self.channels}; it must be at least 1")
        if self.window < 1 or self.hop < 1:
            raise ValueError(
                f"dsp.window_ms={self.window_ms} and dsp.hop_ms={self.hop_ms} are {self.window} and {self.hop} "
                f"samples at {self.rate_hz:g} Hz; both must be at least one sample"
            )
        if len(self.scale_uv) not in (0, 1, self.channels) or not all(0 < s < math.inf for s in self.scale_uv):
            raise ValueError(
                f"dsp.scale_uv holds {len(self.scale_uv)} values for {self.channels} channels; "
                "give none, one, or one for each channel, all above zero"
            )

    def _check_filters(self) -> None:
        if self.band_hz is not None and (
            not 0 < self.band_hz[0] < min(self.band_hz[1], self.highest_hz) or self.band_hz[1] == math.inf
        ):
            raise ValueError(
                f"dsp.band_hz={self.band_hz[0]:g},{self.band_hz[1]:g} does not fit between 0 and 0.45 x "
                f"{self.rate_hz:g} Hz = {self.highest_hz:g} Hz; change the band or use a faster device"
            )
        if not 1 <= self.order <= HIGHEST_ORDER:
            raise ValueError(f"dsp.order is {self.order}; it must be between 1 and {HIGHEST_ORDER}")
        if self.notch_harmonics < 1:
            raise ValueError(f"dsp.notch_harmonics is {self.notch_harmonics}; it must be at least 1, the mains itself")
        if self.notch_hz is not None and not 0 < self.notch_hz < self.rate_hz / 2:
            raise ValueError(f"dsp.notch_hz={self.notch_hz:g} is no notch at {self.rate_hz:g} Hz; use 50, 60 or none")

    @property
    def window(self) -> int:
        """Samples in a window (rounded down: 204 of 204.8 at 512 Hz)."""
        return _whole(self.window_ms * self.rate_hz / 1000)

    @property
    def hop(self) -> int:
        """Samples between the ends of two windows (rounded down)."""
        return _whole(self.hop_ms * self.rate_hz / 1000)

    @property
    def highest_hz(self) -> float:
        """Highest possible band edge at this rate."""
        return HIGHEST_EDGE * self.rate_hz

    @property
    def effective_band_hz(self) -> tuple[float, float] | None:
        """The band after clamping, or None."""
        return None if self.band_hz is None else (self.band_hz[0], min(self.band_hz[1], self.highest_hz))

    def windows_in(self, samples: int) -> int:
        """How many windows a stretch of ``samples`` gives."""
        return 0 if samples < self.window else (samples - self.window) // self.hop + 1

    def to_json(self) -> dict[str, Any]:
        """As plain values for JSON."""
        plain = asdict(self)
        plain["band_hz"] = None if self.band_hz is None else list(self.band_hz)
        plain["scale_uv"] = list(self.scale_uv)
        return plain

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> DspSpec:
        """The inverse of ``to_json``.

        Raises:
            ValueError: a key is unknown or missing, or a value is impossible.
        """
        known = set(cls.__dataclass_fields__)
        if unknown := sorted(set(plain) - known):
            raise ValueError(
                f"the dsp spec has unknown keys {', '.join(unknown)}; known are {', '.join(sorted(known))}"
            )
        if "rate_hz" not in plain:
            raise ValueError("the dsp spec lacks rate_hz")
        try:
            return cls(**plain)
        except (TypeError, IndexError) as error:
            raise ValueError(f"the dsp spec holds a value of the wrong kind ({error})") from error


@dataclass(frozen=True, slots=True)
class Design:
    """A spec with its coefficients.

    Attributes:
        spec: what was asked for.
        sections: ``(S, 6)`` second-order sections, rows ``b0 b1 b2 1 a1 a2`` as in scipy.
        rest: ``(S, 2)`` state of each section after an endless input of 1.0, by which the first sample starts
            the filter at rest instead of with a step.
    """

    spec: DspSpec
    sections: tuple[tuple[float, ...], ...]
    rest: tuple[tuple[float, float], ...]

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that change with anything that changes a window."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()[:16]

    def arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """``(S, 6)`` sections and ``(S, 2)`` rest states as float64 arrays."""
        sections = np.array(self.sections, np.float64).reshape(-1, 6)
        return sections, np.array(self.rest, np.float64).reshape(-1, 2)

    def to_json(self) -> dict[str, Any]:
        """As plain values; floats survive JSON to the last bit."""
        return {
            "spec": self.spec.to_json(),
            "sections": [list(row) for row in self.sections],
            "rest": [list(row) for row in self.rest],
        }

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Design:
        """The inverse of ``to_json``.

        Raises:
            ValueError: keys or shapes are wrong.
        """
        try:
            spec, sections, rest = plain["spec"], plain["sections"], plain["rest"]
            rows = tuple(tuple(float(v) for v in row) for row in sections)
            states = tuple((float(a), float(b)) for a, b in rest)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"the dsp design is damaged ({error!r}); it needs spec, sections and rest") from error
        if any(len(row) != 6 for row in rows) or len(rows) != len(states):
            raise ValueError("the dsp design is damaged: each section has six coefficients and one rest state")
        return cls(DspSpec.from_json(spec), rows, states)


def design(spec: DspSpec) -> Design:
    """Designs the filters of ``spec``: Butterworth band-pass, then one notch for each harmonic inside the band.

    Uses ``scipy.signal`` (butter, iirnotch); nothing else in the house does. Warns where the band was clamped.
    """
    from scipy import signal  # noqa: PLC0415 - half a second that only training and tools pay

    sections: list[NDArray[np.float64]] = []
    band = spec.effective_band_hz
    if band is not None:
        if spec.band_hz is not None and band[1] < spec.band_hz[1]:
            warnings.warn(
                f"band-pass {spec.band_hz[0]:g}-{spec.band_hz[1]:g} Hz cannot exist at {spec.rate_hz:g} Hz: "
                f"the upper edge is now 0.45 x rate = {band[1]:g} Hz",
                stacklevel=2,
            )
        sections.append(signal.butter(spec.order, band, "bandpass", fs=spec.rate_hz, output="sos"))
    for harmonic in _notches(spec):
        b, a = signal.iirnotch(harmonic, spec.notch_q, fs=spec.rate_hz)
        sections.append(np.concatenate([b, a])[None, :])
    if not sections:
        return Design(spec, (), ())
    stacked = np.concatenate(sections)
    rest = signal.sosfilt_zi(stacked)
    return Design(
        spec,
        tuple(tuple(float(v) for v in row) for row in stacked),
        tuple((float(a), float(b)) for a, b in rest),
    )


def _notches(spec: DspSpec) -> list[float]:
    if spec.notch_hz is None:
        return []
    highest = spec.effective_band_hz[1] if spec.effective_band_hz else spec.highest_hz
    multiples = [spec.notch_hz * k for k in range(1, min(spec.notch_harmonics, int(highest / spec.notch_hz)) + 1)]
    return [f for f in multiples if f < highest]


def _whole(samples: float) -> int:
    """Rounds down, but takes 159.99999999999997 for the 160 that was meant."""
    return math.floor(samples + 1e-6)
