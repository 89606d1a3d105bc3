"""Whether one repetition of a gesture can be learnt from, by its signal alone, as the device gave it.

Each check looks at ``(T, C)`` microvolts and answers with one sentence that names the channel and the way out, or with
"". A number without a source beside it is chosen here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devices.checkup import limits
from dsp.contact import FLAT_S
from dsp.flow import Samples, StreamInfo

LEAST_S = 1.5
"""Of a gesture: what a person needs to reach a steady hold, and a few windows of it."""

RAILED = 0.25
"""Share of samples at the end of the range. An open input stays there; a Myo, whose range a strong fist exceeds, is
there at times and can be learnt from all the same."""

LOST = 0.05
"""Share of samples that may be missing: the windows around them are left out, and enough others remain."""

SAME = 0.995
"""Correlation from which on two channels carry one signal. Neighbouring electrodes on one muscle stay well below."""

HUM = 0.9
"""Share of the power in the band at the mains and its harmonics, from which on a muscle is no longer seen beside it.
It counts from ``limits.MAINS_NONE_UV`` on: a channel far from the muscle is so quiet that a little hum is most."""

STRONGER = 1.4
"""How much stronger than at rest a gesture is at its strongest channel. Noise alone differs by a tenth between two
stretches of a second; a light hold doubles it."""

_WHERE = "moisten the electrode or tighten the armband"


@dataclass(frozen=True, slots=True)
class Held:
    """A stretch of a stream in which something was held.

    Attributes:
        info: of the stream.
        samples: ``(T, C)`` microvolts, as the device gave them, without those that were lost.
        lost: how many were.
        before: ``(R, C)`` of the rest before it, where that is known.
    """

    info: StreamInfo
    samples: Samples
    lost: int = 0
    before: Samples | None = None


def complaint(held: Held) -> str:
    """The first thing that is wrong with a repetition, in a sentence with the way out; "" where nothing is."""
    for check in (_short, _incomplete, _unreal, _dead, _one_for_all, _idle, _humming):
        if words := check(held):
            return words
    return ""


def complaint_at_rest(held: Held) -> str:
    """The same for a stretch in which nothing is to be seen."""
    for check in (_incomplete, _unreal, _dead):
        if words := check(held):
            return words
    return ""


def conditions(info: StreamInfo, samples: Samples) -> tuple[str, ...]:
    """A word for each channel, for a display: ``good``, ``flat``, ``railed``, ``hum``, or ``broken`` (no numbers).

    Args:
        info: of the stream.
        samples: ``(T, C)``, the last second or so.
    """
    words = np.full(len(info.channels), "good", dtype="<U6")
    if not len(samples):
        return tuple(words.tolist())
    real = np.isfinite(samples).all(axis=0)
    clean = np.where(real, samples, 0).astype(np.float64)
    words[_hums(clean, info)] = "hum"
    words[railed(samples, info.full_scale_uv)] = "railed"
    words[flat(samples, info.rate_hz)] = "flat"
    words[~real] = "broken"
    return tuple(words.tolist())


def strength(samples: Samples, rate_hz: float) -> NDArray[np.float64]:
    """``(C,)`` root mean square in the band of EMG without the mains, microvolts; zeros where there is no sample."""
    if not len(samples):
        return np.zeros(samples.shape[1])
    hz, power = _spectrum(samples.astype(np.float64), rate_hz)
    wanted = _in_band(hz, rate_hz) & ~_at_mains(hz, 50) & ~_at_mains(hz, 60)
    level: NDArray[np.float64] = np.sqrt(power[wanted].sum(axis=0))
    return level


def flat(samples: Samples, rate_hz: float) -> NDArray[np.bool_]:
    """``(C,)`` which channels stood still for ``FLAT_S``, or throughout."""
    still: NDArray[np.bool_] = _longest_still(samples) >= min(max(2, round(FLAT_S * rate_hz)), len(samples))
    return still


def railed(samples: Samples, full_scale_uv: float) -> NDArray[np.bool_]:
    """``(C,)`` which channels are too often at the end of the range; of one that is not known, at their own ends."""
    beyond = (np.abs(samples) >= full_scale_uv * 0.999).mean(axis=0)
    often: NDArray[np.bool_] = np.maximum(beyond, [_clipped(column) for column in samples.T]) > RAILED
    return often


def _short(held: Held) -> str:
    seconds = (len(held.samples) + held.lost) / held.info.rate_hz
    if seconds >= LEAST_S * 0.999:
        return ""
    return f"it is too short ({seconds:.1f} s); hold the gesture for at least {LEAST_S:g} s"


def _incomplete(held: Held) -> str:
    share = held.lost / max(len(held.samples) + held.lost, 1)
    if share <= LOST and len(held.samples):
        return ""
    return f"{share:.0%} of its samples were lost; bring the armband closer to its receiver, then repeat"


def _unreal(held: Held) -> str:
    broken = np.logical_not(np.isfinite(held.samples).all(axis=0))
    return _of(held.info, broken, "holds values that are not numbers", "see the device and its driver, then repeat")


def _dead(held: Held) -> str:
    """One channel without a signal is one too many: what is learnt of it would be wrong as soon as it comes back."""
    still, ends = flat(held.samples, held.info.rate_hz), railed(held.samples, held.info.full_scale_uv)
    return _of(held.info, still, "is flat", f"{_WHERE}, then repeat") or _of(
        held.info, ends, "is at the end of its range", f"{_WHERE}, or lower the gain, then repeat"
    )


def _one_for_all(held: Held) -> str:
    if held.samples.shape[1] < 2:
        return ""
    moving = held.samples.astype(np.float64) - held.samples.mean(axis=0, dtype=np.float64)
    moving /= np.sqrt((moving**2).sum(axis=0))
    if (np.abs(moving[:, :1].T @ moving[:, 1:]) < SAME).any():
        return ""
    return "all channels carry the same signal; see the reference electrode and the plug, then repeat"


def _humming(held: Held) -> str:
    hum = _hums(held.samples.astype(np.float64), held.info)
    return _of(held.info, hum, "carries nothing but mains hum", f"{_WHERE}, and go away from chargers, then repeat")


def _idle(held: Held) -> str:
    if held.before is None or not len(held.before):
        return ""
    rate_hz = held.info.rate_hz
    rest = np.maximum(strength(held.before, rate_hz), np.finfo(np.float32).tiny)
    if float((strength(held.samples, rate_hz) / rest).max()) >= STRONGER:
        return ""
    return "it is no stronger than the rest before it; let go in the rest, hold firmly in the gesture, and repeat"


def _of(info: StreamInfo, which: NDArray[np.bool_], what: str, cure: str) -> str:
    """``channel ch3 is flat; CURE``, "" where no channel is concerned."""
    names = [name for name, concerned in zip(info.channels, which.tolist(), strict=True) if concerned]
    if not names:
        return ""
    more = f" (and {', '.join(names[1:])} as well)" if names[1:] else ""
    return f"channel {names[0]} {what}{more}; {cure}"


def _longest_still(samples: Samples) -> NDArray[np.int64]:
    """``(C,)`` samples in the longest stretch of each channel that does not change."""
    changes = np.vstack([np.ones((1, samples.shape[1]), bool), samples[1:] != samples[:-1]])
    return np.array([_longest(column, len(samples)) for column in changes.T], np.int64)


def _longest(changes: NDArray[np.bool_], length: int) -> int:
    return int(np.diff(np.append(np.flatnonzero(changes), length)).max(initial=0))


def _clipped(column: NDArray[np.float32]) -> float:
    """Share of samples at the channel's own extremes, where it takes enough values to tell."""
    values, counts = np.unique(column, return_counts=True)
    return float(max(counts[0], counts[-1]) / len(column)) if len(values) >= limits.CLIPPED_VALUES else 0.0


def _hums(samples: NDArray[np.float64], info: StreamInfo) -> NDArray[np.bool_]:
    """``(C,)`` which channels hold little but 50 or 60 Hz and their harmonics."""
    hz, power = _spectrum(samples, info.rate_hz)
    band = _in_band(hz, info.rate_hz)
    most = np.max([power[band & _at_mains(hz, mains)].sum(axis=0) for mains in (50, 60)], axis=0)
    amplified = limits.AMPLIFIED_UV <= info.full_scale_uv < np.inf
    least_uv = limits.MAINS_NONE_UV * (info.full_scale_uv / limits.ELECTRODE_RANGE_UV if amplified else 1)
    hums: NDArray[np.bool_] = (most > HUM * power[band].sum(axis=0)) & (most > least_uv**2)
    return hums


def _spectrum(samples: NDArray[np.float64], rate_hz: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies ``(F,)`` and mean square ``(F, C)`` at each, under a Hann window."""
    weight = np.hanning(len(samples) + 2)[1:-1, None]
    spectrum = np.fft.rfft((samples - samples.mean(axis=0)) * weight, axis=0)
    power: NDArray[np.float64] = 2 * np.abs(spectrum) ** 2 / (len(samples) * (weight**2).sum())
    hz: NDArray[np.float64] = np.arange(len(power), dtype=np.float64) * (rate_hz / len(samples))
    return hz, power


def _in_band(hz: NDArray[np.float64], rate_hz: float) -> NDArray[np.bool_]:
    high = min(limits.BAND_HZ[1], 0.45 * rate_hz)
    return (hz >= min(limits.BAND_HZ[0], high / 4)) & (hz <= high)


def _at_mains(hz: NDArray[np.float64], mains: int) -> NDArray[np.bool_]:
    near: NDArray[np.bool_] = np.abs(hz - mains * np.maximum(np.round(hz / mains), 1)) <= limits.MAINS_HALF_WIDTH_HZ
    return near
