"""A recording as a device would have sampled it: at its rate, on its channels, without an end."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from devices.recording import Recording
from dsp.flow import Samples

_MOST = 2**28  # values; a GiB of them
_FINEST = 1000  # rates are taken as fractions with denominators up to this


class Feed:
    """A recording at another rate and with another number of channels.

    Args:
        recording: any.
        rate_hz: of the device; the recording is resampled to it with ``scipy.signal.resample_poly``, by the exact
            ratio of the two, and left alone where they are equal.
        channels: of the device; those of the recording are repeated, or the first ones are taken.
        once: it ends with the recording; else it begins again from the start.
        offset: each channel keeps its mean; else it is taken away, as the capacitors of some amplifiers do.

    Raises:
        ValueError: the recording is empty, a number is not above zero, or it all takes more than a GiB of memory.
    """

    def __init__(
        self, recording: Recording, rate_hz: float, channels: int, *, once: bool = False, offset: bool = True
    ) -> None:
        if not (math.isfinite(rate_hz) and rate_hz > 0) or channels < 1:
            raise ValueError(f"a device of {channels} channels at {rate_hz:g} Hz cannot be fed; give both above zero")
        size = len(recording.samples) * max(1.0, rate_hz / recording.info.rate_hz) * channels
        if size > _MOST:
            raise ValueError(
                f"{recording.info.name!r} on {channels} channels at {rate_hz:g} Hz would take {size / _MOST:.0f} GiB "
                f"of memory; give fewer channels, a lower rate, or a shorter recording"
            )
        samples = _resampled(recording.samples, recording.info.rate_hz, rate_hz)
        if not len(samples):
            raise ValueError(f"{recording.info.name!r} is empty; give a recording with samples in it")
        if not offset:
            samples = samples - samples.mean(axis=0, dtype=np.float64).astype(np.float32)
        self.name = recording.info.name
        self.rate_hz = rate_hz
        self.channels = channels
        self.once = once
        self.samples: Samples = np.ascontiguousarray(samples[:, np.arange(channels) % samples.shape[1]])
        """``(T, C)``, microvolts: one round."""

    def block(self, first: int, count: int) -> Samples:
        """``(count, C)`` float32 microvolts from sample ``first`` on; fewer at the end of a feed that has one."""
        if self.once:
            return self.samples[first : first + count]
        return self.samples[np.arange(first, first + count) % len(self.samples)]

    def must_have(self, rate_hz: float, channels: int, what: str) -> None:
        """Raises a ValueError where this is not what a device streams."""
        if (self.rate_hz, self.channels) != (rate_hz, channels):
            raise ValueError(
                f"{what} streams {channels} channels at {rate_hz:g} Hz, but its feed has {self.channels} at "
                f"{self.rate_hz:g} Hz; make it with Feed(recording, {rate_hz:g}, {channels})"
            )


def _resampled(samples: Samples, given_hz: float, wanted_hz: float) -> Samples:
    ratio = Fraction(wanted_hz).limit_denominator(_FINEST) / Fraction(given_hz).limit_denominator(_FINEST)
    if ratio == 1 or not len(samples):
        return samples
    if ratio <= 0:
        raise ValueError(f"a recording at {given_hz:g} Hz cannot be brought to {wanted_hz:g} Hz; give another rate")
    if max(ratio.numerator, ratio.denominator) > _FINEST**2:
        ratio = ratio.limit_denominator(_FINEST)
    from scipy.signal import resample_poly  # noqa: PLC0415 - takes half a second, and most recordings need it not

    resampled = resample_poly(samples.astype(np.float64), ratio.numerator, ratio.denominator, padtype="line")
    return np.asarray(resampled, np.float32)
