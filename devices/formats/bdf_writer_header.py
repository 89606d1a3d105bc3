"""The header of BDF+ files: how long records are, how large steps are, and the bytes.

Sources: Kemp & Olivan, Clin Neurophysiol 114:1755-1761, 2003 (EDF+); www.teuniz.net/edfbrowser (BDF+).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from devices.formats.writer_layout import About
from dsp.flow import Samples

BYTES = 3
_LARGEST = 2**23 - 1
_LONGEST_RECORD_S = 0.5
_WISHED_RECORD_S = 0.25
_UNKNOWN_RANGE_UV = 2**18 - 8
"""Stands in the eight characters there are, with its sign; times 32 it stays below 2^23."""
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_ANNOTATIONS = "BDF Annotations"


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a record.

    Attributes:
        samples: of each channel.
        duration_s: with at most six decimals; ``samples / duration_s`` is the rate that the file states.
        channels: number of them.
        note_bytes: for annotations.
    """

    samples: int
    duration_s: float
    channels: int
    note_bytes: int

    @property
    def signal_bytes(self) -> int:
        """Bytes of a record before its annotations."""
        return self.samples * self.channels * BYTES


def choose_shape(rate_hz: float, channels: int, note_bytes: int) -> Shape:
    """The records whose length is written with the fewest digits, among those that give the rate (most nearly).

    They hold a whole number of samples, and last up to half a second, near a quarter if there is a choice; where a
    sample lasts longer than that, one sample.
    """
    most = max(1, int(_LONGEST_RECORD_S * rate_hz))

    def cost(samples: int) -> tuple[float, int, float]:
        exact = samples / rate_hz
        error, digits = min((abs(round(exact, digits) - exact) / exact, digits) for digits in range(1, 7))
        return (0.0 if error < 1e-12 else error), digits, abs(exact - _WISHED_RECORD_S)

    fewest = max(1, min(most, int(rate_hz / 10)))
    samples = min(range(fewest, most + 1), key=cost)
    return Shape(samples, round(samples / rate_hz, 6), channels, note_bytes)


def choose_scale(full_scale_uv: float, rows: Samples) -> tuple[float, float]:
    """Microvolts of a step, and the largest number of steps, such that the samples lose as little as can be.

    Tried in turn are a converter of 24 bits whose last step is its range (as of the ADS1299), one of fewer bits, and
    steps of a power of two; the first wins that gives the samples back bit for bit, else the first.

    Args:
        full_scale_uv: where the device's range ends; infinity where unknown.
        rows: ``(T, C)``, the first samples.
    """
    peak = float(np.abs(rows).max(initial=0.0))
    if not math.isfinite(full_scale_uv) or full_scale_uv < peak:
        bound = _UNKNOWN_RANGE_UV
        while bound < 2 * peak and bound < 2**23:
            bound *= 2
        return _binary(min(bound, 9_999_999))
    known = [_binary(full_scale_uv)]
    if float(f"{full_scale_uv:.7g}") == full_scale_uv and len(_number(-full_scale_uv)) <= 8:
        known = [(full_scale_uv / _LARGEST, _LARGEST), (full_scale_uv / 2**22, 2**22), *known]
    return next((scale for scale in known if _exact(rows, *scale)), known[0])


def _binary(range_uv: float) -> tuple[float, float]:
    """The finest step that is a power of two and reaches the range, which becomes a whole number of microvolts."""
    whole = math.ceil(range_uv)
    step = 2.0 ** math.ceil(math.log2(whole / _LARGEST))
    return step, whole / step


def _exact(rows: Samples, step: float, most: float) -> bool:
    steps = np.rint(rows.astype(np.float64) / step)
    return bool(np.abs(steps).max(initial=0.0) <= most + 1) and np.array_equal((steps * step).astype(np.float32), rows)


def bdf_header(about: About, shape: Shape, step: float, most: float, *, records: int) -> bytes:
    """All of it, ``256 * (channels + 2)`` bytes.

    Args:
        about: who, what, when.
        shape: of a record.
        step: microvolts of a step.
        most: number of steps at the end of the range.
        records: that follow.
    """
    channels, began = shape.channels, about.began
    # The field for the date has no word for "unknown": EDF+ says X, and the year at which its clock begins.
    date = "X" if began is None else f"{began.day:02d}-{_MONTHS[began.month - 1]}-{began.year}"
    equipment = f"{_word(about.info.name)}{' simulated' if about.simulated else ''}"
    total = channels + 1
    fields = [
        (f"{_word(about.person)} X X X", 80),
        (f"Startdate {date} {_word(about.session)} X {equipment}", 80),
        ("01.01.8500.00.00" if began is None else began.strftime("%d.%m.%y%H.%M.%S"), 16),
        (str(256 * (total + 1)), 8),
        ("BDF+C", 44),
        (str(records), 8),
        (f"{shape.duration_s:.6f}".rstrip("0").rstrip(".")[:8], 8),
        (str(total), 4),
    ]
    end = _number(step * most)
    columns: list[tuple[list[str], int]] = [
        ([*labels(about.info.channels), _ANNOTATIONS], 16),
        ([""] * total, 80),
        (["uV"] * channels + [""], 8),
        ([f"-{end}"] * channels + ["-1"], 8),
        ([end] * channels + ["1"], 8),
        ([f"{-most:.0f}"] * channels + [str(-_LARGEST - 1)], 8),
        ([f"{most:.0f}"] * channels + [str(_LARGEST)], 8),
        ([""] * total, 80),
        ([str(shape.samples)] * channels + [str(shape.note_bytes // BYTES)], 8),
        ([""] * total, 32),
    ]
    fields += [(value, width) for values, width in columns for value in values]
    return b"\xffBIOSEMI" + b"".join(_ascii(value)[:width].ljust(width) for value, width in fields)


def labels(channels: tuple[str, ...]) -> tuple[str, ...]:
    """The channels' names in the sixteen characters there are; numbers where they would not differ."""
    short = tuple(_ascii(name)[:16].decode().strip() for name in channels)
    sound = all(short) and len(set(short)) == len(short) and _ANNOTATIONS not in short
    return short if sound else tuple(f"ch{at + 1}" for at in range(len(channels)))


def _number(value: float) -> str:
    return f"{value:.7f}".rstrip("0").rstrip(".")


def _word(text: str) -> str:
    """One subfield: without blanks, X where nothing is known."""
    return "_".join(text.split())[:40] or "X"


def _ascii(text: str) -> bytes:
    return "".join(letter if letter.isprintable() else " " for letter in text).encode("ascii", "replace")
