"""Contact of each electrode, from a few seconds of its signal."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from devices.checkup import limits
from devices.integrity import Integrity
from dsp.flow import Samples, StreamInfo


class Word(StrEnum):
    """How an electrode sits."""

    GOOD = "good"
    WEAK = "weak"
    NONE = "no contact"


@dataclass(frozen=True, slots=True)
class ChannelContact:
    """How one channel looks.

    Attributes:
        channel: its label.
        word: how its electrode sits.
        noise_uv: root mean square of its quietest stretch, in the band and without the mains.
        mains_hz: 50 or 60, whichever is stronger; 0 where neither is in the band.
        mains_share: of the power in the band, at ``mains_hz`` and its harmonics.
        mains_uv: root mean square of that.
        saturated: share of samples at the end of the range.
        flat: share of samples in flat stretches.
        says: why the word is what it is, or "".
        cure: what to do, or "".
    """

    channel: str
    word: Word
    noise_uv: float
    mains_hz: int
    mains_share: float
    mains_uv: float
    saturated: float
    flat: float
    says: str = ""
    cure: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        plain = asdict(self)
        return {key: round(value, 4) if isinstance(value, float) else value for key, value in plain.items()}


class _Mains(NamedTuple):
    hz: NDArray[np.int64]
    share: NDArray[np.float64]
    uv: NDArray[np.float64]


class _Measured(NamedTuple):
    noise_uv: float
    mains_hz: int
    mains_share: float
    mains_uv: float
    saturated: float
    flat: float
    clipped: float
    offset: float
    broken: int
    gain: float


def contacts(
    info: StreamInfo, samples: Samples, indices: NDArray[np.int64], integrity: Integrity
) -> tuple[ChannelContact, ...]:
    """Judges each channel.

    Args:
        info: of the stream.
        samples: ``(T, C)`` microvolts.
        indices: ``(T,)`` of the samples, ascending; gaps are bridged by straight lines.
        integrity: of the source, for saturation and flat lines.

    Returns:
        One for each channel, or none where there is less than ``limits.JUDGED_S`` of signal.
    """
    if len(samples) < max(limits.JUDGED_S * info.rate_hz, 30):
        return ()
    finite = np.isfinite(samples)
    whole, missing = _bridged(np.where(finite, samples, 0.0), indices, round(info.rate_hz))
    low, high = _band(info.rate_hz)
    sections = signal.butter(4, (low, high), "bandpass", fs=info.rate_hz, output="sos")
    mains = _mains(whole, info.rate_hz, low, high)
    filtered = _without_mains(_through(sections, whole, info.rate_hz), info.rate_hz, high, mains.hz)
    noise = _quietest(filtered, missing, round(limits.QUIET_S * info.rate_hz))
    counted = max(integrity.samples, 1)
    offset = np.abs(np.median(samples, axis=0)) / info.full_scale_uv
    return tuple(
        _judge(
            label,
            _Measured(
                float(noise[c]),
                int(mains.hz[c]),
                float(mains.share[c]),
                float(mains.uv[c]),
                float(integrity.saturated[c] / counted),
                1.0 if np.ptp(samples[:, c]) == 0 else float(integrity.flat[c] / counted),
                _clipped(samples[:, c]),
                float(offset[c]),
                int(np.count_nonzero(~finite[:, c])),
                gain(info),
            ),
        )
        for c, label in enumerate(info.channels)
    )


def gain(info: StreamInfo) -> float:
    """By how much the limits in microvolts are raised, for an amplifier that the device does not know of."""
    amplified = limits.AMPLIFIED_UV <= info.full_scale_uv < math.inf
    return info.full_scale_uv / limits.ELECTRODE_RANGE_UV if amplified else 1.0


def _band(rate_hz: float) -> tuple[float, float]:
    high = min(limits.BAND_HZ[1], 0.45 * rate_hz)
    return min(limits.BAND_HZ[0], high / 4), high


def _bridged(
    samples: NDArray[np.float64], indices: NDArray[np.int64], most: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """With straight lines over the gaps, those longer than ``most`` shortened to it; and which samples those are."""
    places = np.cumsum(np.minimum(np.diff(indices, prepend=indices[0] - 1), most + 1)) - 1
    every = np.arange(places[-1] + 1)
    missing = np.ones(len(every), bool)
    missing[places] = False
    return np.stack([np.interp(every, places, column) for column in samples.T], axis=1), missing


def _quietest(filtered: NDArray[np.float64], missing: NDArray[np.bool_], length: int) -> NDArray[np.float64]:
    """Root mean square of the quietest stretch of each channel among those that were measured, not bridged."""
    count = max(len(filtered) // max(length, 1), 1)
    parts = np.array_split(np.arange(len(filtered)), count)
    measured = [part for part in parts if missing[part].mean() < 0.05] or parts
    levels = np.stack([np.sqrt(np.mean(filtered[part] ** 2, axis=0)) for part in measured])
    quietest: NDArray[np.float64] = levels.min(axis=0)
    return quietest


def _mains(samples: NDArray[np.float64], rate_hz: float, low: float, high: float) -> _Mains:
    """Power of 50 or 60 Hz and their harmonics above what lies beside them, by Welch's method."""
    channels = samples.shape[1]
    found = _Mains(np.zeros(channels, np.int64), np.zeros(channels), np.zeros(channels))
    hz, density = signal.welch(samples, rate_hz, nperseg=min(len(samples), round(rate_hz)), axis=0)
    step = hz[1]
    if step > limits.MAINS_HALF_WIDTH_HZ:
        return found
    total = density[(hz >= low) & (hz <= high)].sum(axis=0) * step
    for mains in (50, 60):
        power = np.zeros(channels)
        for line in _lines(mains, high):
            power += _line(hz, density, line) * step
        share = np.divide(power, total, out=np.zeros(channels), where=total > 0).clip(0, 1)
        better = share > found.share
        found = _Mains(
            np.where(better, mains, found.hz),
            np.where(better, share, found.share),
            np.where(better, np.sqrt(power), found.uv),
        )
    return found


def _lines(mains: int, high: float) -> list[float]:
    """The frequency of the mains and its harmonics, within the band."""
    return np.arange(mains, high - limits.MAINS_HALF_WIDTH_HZ, mains, dtype=np.float64).tolist()


def _through(sections: NDArray[np.float64], samples: NDArray[np.float64], rate_hz: float) -> NDArray[np.float64]:
    filtered: NDArray[np.float64] = signal.sosfiltfilt(
        sections, samples, axis=0, padlen=min(len(samples) - 1, round(rate_hz))
    )
    return filtered


def _without_mains(
    filtered: NDArray[np.float64], rate_hz: float, high: float, mains: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Each channel with its mains and harmonics filtered out, as a pipeline would."""
    out = filtered.copy()
    for hz in (50, 60):
        for line in _lines(hz, high):
            width = 2 * limits.MAINS_HALF_WIDTH_HZ
            sections = signal.tf2sos(*signal.iirnotch(line, line / width, fs=rate_hz))
            out[:, mains == hz] = _through(sections, out[:, mains == hz], rate_hz)
    return out


def _line(hz: NDArray[np.float64], density: NDArray[np.float64], line: float) -> NDArray[np.float64]:
    half = limits.MAINS_HALF_WIDTH_HZ + limits.MAINS_CLOCK * line
    away = np.abs(hz - line)
    beside = np.median(density[(away > half) & (away <= half + 6)], axis=0)
    above: NDArray[np.float64] = np.clip(density[away <= half] - beside, 0, None).sum(axis=0)
    return above


def _clipped(samples: Samples) -> float:
    """Share of samples at the channel's own extremes, where it takes enough values to tell."""
    values, counts = np.unique(samples, return_counts=True)
    if len(values) < limits.CLIPPED_VALUES:
        return 0.0
    return float(max(counts[0], counts[-1]) / len(samples))


_PLACE = "press it on, moisten it, or clean the skin; then see its lead"


def _judge(label: str, seen: _Measured) -> ChannelContact:
    word, says, cure = _opinion(seen)
    saturated = max(seen.saturated, seen.clipped if seen.clipped > limits.SATURATED else 0.0)
    shown = (seen.noise_uv, seen.mains_hz, seen.mains_share, seen.mains_uv, saturated, seen.flat)
    return ChannelContact(label, word, *shown, says, cure)


def _opinion(seen: _Measured) -> tuple[Word, str, str]:  # noqa: PLR0911 - one line for each way to be wrong
    if seen.broken:
        return Word.NONE, f"{seen.broken} values are no numbers", "see the device's firmware or the program that sends"
    ends = max(seen.saturated, seen.clipped)
    if ends > limits.SATURATED:
        return (
            Word.NONE,
            f"at the end of the range, {ends:.0%} of the time",
            f"the electrode hangs free, or the gain is too high: {_PLACE}",
        )
    if seen.flat > limits.FLAT:
        return (
            Word.NONE,
            f"a flat line, {seen.flat:.0%} of the time",
            "the electrode or its lead is not connected, or the channel is switched off",
        )
    hum = f"{seen.mains_uv:.0f} uV of {seen.mains_hz} Hz mains"
    if seen.mains_share > limits.MAINS_NONE and seen.mains_uv > limits.MAINS_NONE_UV * seen.gain:
        return Word.NONE, hum, f"the electrode hangs free or the ground is loose: {_PLACE}"
    if seen.flat or seen.saturated:
        return Word.WEAK, "flat or at the end of its range at times", f"the contact is loose: {_PLACE}"
    if seen.noise_uv < limits.SILENT_UV * seen.gain:
        return Word.NONE, "quieter than any electrode", "see that it is plugged in, and that the unit is right"
    if seen.mains_share > limits.MAINS_WEAK and seen.mains_uv > limits.MAINS_WEAK_UV * seen.gain:
        return Word.WEAK, hum, f"go away from chargers and mains leads, run on battery, and see the ground; {_PLACE}"
    if seen.noise_uv > limits.NOISE_UV * seen.gain:
        return Word.WEAK, f"never below {seen.noise_uv:.0f} uV", f"relax the arm and check again; if it stays, {_PLACE}"
    if seen.offset > limits.OFFSET:
        return Word.WEAK, f"a constant voltage takes {seen.offset:.0%} of the range", _PLACE
    return Word.GOOD, "", ""
