"""Ready-made Hilbert-Huang matrices, one for each recorded movement: ``BICEPS_half_M_012.npz``.

The name tells the muscle, how the movement was done (``full``, which ``fatiguetest`` is as well, ``half`` or
``invalid``), the wearer's gender and number; one that begins with ``Test`` tells nothing. The file holds a square
matrix of energies under ``hht``, or else in its first array: rows are frequencies, columns times.

Here such a matrix is a recording: its columns are the samples and its rows the channels, and it lasts a second.
"""

from __future__ import annotations

import io
import re
from pathlib import PurePath
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from devices.entry import Entry
from devices.formats.units import settled_unit
from devices.recording import Recording
from dsp.flow import StreamInfo

LAYOUT = "hht"
EXAMPLE = "BICEPS_half_M_012.npz"
KEY = "hht"
QUALITIES = {"fatiguetest": "full", "full": "full", "half": "half", "invalid": "invalid"}
WOMEN = 1000
"""Added to the number of a woman, since men are counted by themselves."""

LARGEST = 2048
"""Rows of a matrix."""

_NAME = re.compile(r"([A-Za-z]+)_(fatiguetest|full|half|invalid)_([MF])_(\d{1,6})\.npz", re.ASCII)
_UNTOLD = re.compile(r"Test.*\.npz", re.ASCII)


def entry(path: PurePath, name: str) -> Entry | None:
    """What the name says, or None where it is not of this layout.

    Args:
        path: the whole path.
        name: the name that the entry gets.
    """
    if told := _NAME.fullmatch(path.name):
        number = int(told[4])
        return Entry(number + WOMEN * (told[3] == "F"), 1, QUALITIES[told[2]], 1, name)
    return Entry(0, 1, None, 1, name) if _UNTOLD.fullmatch(path.name) else None


def gender(name: str) -> str | None:
    """``M`` or ``F``, None where the name does not tell."""
    told = _NAME.fullmatch(PurePath(name).name)
    return told[3] if told else None


def recognises(path: PurePath) -> bool:
    """Whether a file belongs to this layout, by its name."""
    return bool(_NAME.fullmatch(path.name) or _UNTOLD.fullmatch(path.name))


def parse(path: PurePath, raw: bytes, *, rate_hz: float | None, unit: str | None) -> Recording:
    """Reads one matrix, scaled to 0 ... 1 where it reaches beyond.

    Raises:
        ValueError: it is no square matrix of numbers from zero up, or another rate or unit is asked for.
    """
    where = str(path)
    settled_unit(where, "uV", unit)
    matrix = _matrix(raw, where)
    side = len(matrix)
    if rate_hz is not None and rate_hz != side:
        raise ValueError(
            f"{where!r} is a matrix of {side} columns in a second, so its rate is {side} Hz, not {rate_hz:g}"
        )
    told = entry(path, path.name)
    quality = None if told is None else told.gesture
    return Recording(
        info=StreamInfo(path.name, float(side), tuple(f"f{row}" for row in range(side))),
        samples=np.ascontiguousarray(matrix.T / max(1.0, float(matrix.max()))),
        names=() if quality is None else (quality,),
        labels=None if quality is None else np.zeros(side, np.int16),
        person="" if told is None or quality is None else str(told.person),
        session="1",
    )


def _matrix(raw: bytes, where: str) -> NDArray[np.float32]:
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as kept:
            matrix = kept[KEY if KEY in kept.files else kept.files[0]]
    except (ValueError, OSError, EOFError, BadZipFile, IndexError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{where!r} is no whole .npz file with a matrix ({error}); copy it again") from error
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not 1 <= len(matrix) <= LARGEST:
        raise ValueError(f"{where!r} holds an array of shape {matrix.shape}; a Hilbert-Huang matrix is square")
    largest = np.finfo(np.float32).max
    if matrix.dtype.kind not in "iuf" or not ((matrix >= 0) & (matrix <= largest)).all():
        raise ValueError(f"{where!r} holds values that are no energies; give numbers from zero up")
    result: NDArray[np.float32] = matrix.astype(np.float32)
    return result
