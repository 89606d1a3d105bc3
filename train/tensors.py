"""The Synapse challenge as one PyTorch file of tensors: every trial a row, with who showed what.

``signals`` ``(N, 8, T)`` or ``(N, T, 8)`` in millivolts at 512 Hz and ``labels`` ``(N,)`` counted from 0, -1 where the
gesture is not known; ``people``, ``sessions`` and ``trials`` ``(N,)`` where it tells. In a dictionary under these or
the other usual names, or in a tuple in this order. It lies in ``train`` and not with the other layouts because reading
it takes PyTorch. Only tensors and plain values are read: a pickled program in such a file is not run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from devices.entry import Entry
from devices.formats.synapse import CHANNELS, LAYOUT, NAMES, RATE_HZ
from devices.recording import UNLABELLED, Recording
from dsp.flow import StreamInfo
from train.progress import say
from train.splits import HIGHEST_NUMBER

SUFFIXES = (".pt", ".pth")
UV_PER_MV = 1e3

NAMED = {
    "signals": ("signals", "signal", "x", "data", "emg", "samples"),
    "labels": ("labels", "label", "y", "targets", "target", "gestures", "gesture"),
    "people": ("people", "person", "persons", "subjects", "subject", "participants", "participant"),
    "sessions": ("sessions", "session"),
    "trials": ("trials", "trial", "repetitions", "repetition"),
}
"""What each part may be called, in capitals or not; in a tuple they stand in this order."""


class Tensors:
    """A ``Collection`` over such a file.

    Args:
        path: of the file.

    Raises:
        ValueError: it is no such file; says what it holds.
    """

    layout = LAYOUT

    def __init__(self, path: Path) -> None:
        self._path = path
        parts = _parts(path)
        if "people" not in parts:
            say(f"note: {path} does not say who showed what, so everybody counts as person 1")
        self._signals = _signals(path, parts["signals"])
        columns = {name: _column(path, parts, name, len(self._signals)) for name in NAMED if name != "signals"}
        self.skipped: tuple[str, ...] = ()
        self._rows = {f"row{row:06d}": row for row in range(len(self._signals))}
        self._labels = columns["labels"].tolist()
        numbers = zip(*(columns[part].tolist() for part in ("people", "sessions", "trials")), strict=True)
        entries = [
            Entry(who, when, NAMES[label] if 0 <= label < len(NAMES) else None, trial, name)
            for name, label, (who, when, trial) in zip(self._rows, self._labels, numbers, strict=True)
        ]
        self.entries = tuple(sorted(entries, key=lambda entry: entry.order))

    def read(self, entry: Entry) -> Recording:
        """The trial.

        Raises:
            ValueError: it holds values that are no numbers, or has a label that is no gesture.
        """
        row = self._rows[entry.name]
        samples = self._signals[row].double().numpy() * UV_PER_MV
        if not np.isfinite(samples).all():
            raise ValueError(f"{self._path} row {row} holds values that are no numbers; mend or remove it")
        label = self._labels[row]
        if label != UNLABELLED and entry.gesture is None:
            raise ValueError(
                f"{self._path} row {row}: its label is {label}; gestures are 0 to {len(NAMES) - 1}, and {UNLABELLED} "
                "says that it is not known"
            )
        return Recording(
            info=StreamInfo(f"{self._path.name} {entry.name}", RATE_HZ, CHANNELS),
            samples=np.ascontiguousarray(samples, np.float32),
            names=NAMES,
            labels=np.full(len(samples), label, np.int16),
            person=str(entry.person),
            session=str(entry.session),
        )

    def close(self) -> None:
        """Nothing is open."""


def _parts(path: Path) -> dict[str, Tensor]:
    """What the file holds, by our names.

    Raises:
        ValueError: it is no file of tensors, or lacks signals or labels.
    """
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from error
    except Exception as error:  # what a file that is none provokes inside PyTorch is anything
        if type(error).__name__ == "UnpicklingError":
            raise ValueError(
                f"{path} holds Python objects besides tensors, and those are programs, which are not run; save a "
                "dictionary of plain tensors (signals, labels, people, sessions)"
            ) from error
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{path} is no file that PyTorch wrote ({reason})") from error
    found = {name: _plain(path, name, value) for name, value in _named(held) if value is not None}
    if lacking := [name for name in ("signals", "labels") if name not in found]:
        raise ValueError(
            f"{path} holds {_said(held)}, and no {' and no '.join(lacking)}; name them {', '.join(NAMED)} in a "
            "dictionary, or save a tuple in that order"
        )
    return found


def _named(held: object) -> list[tuple[str, object]]:
    """What is there, by our names; what bears no known one is said and left alone."""
    if isinstance(held, Mapping):
        pairs = [(_ours(str(key)), value) for key, value in held.items()]
        if strange := [str(key) for key in held if not _ours(str(key))]:
            say(f"note: not known in a tensor file, and left alone: {', '.join(strange)}; known are {', '.join(NAMED)}")
        return [(name, value) for name, value in pairs if name]
    if isinstance(held, Sequence) and not isinstance(held, str):
        return list(zip(NAMED, held, strict=False))
    return []


def _ours(name: str) -> str:
    return next((ours for ours, names in NAMED.items() if name.lower() in names), "")


def _plain(path: Path, name: str, value: object) -> Tensor:
    """A tensor, or a list of numbers, as a dense tensor of real numbers on the CPU that NumPy can hold.

    Raises:
        ValueError: it is neither, or cannot be.
    """
    try:
        made = torch.as_tensor(value).detach()
        if made.is_complex() or made.is_quantized or made.is_meta or made.is_nested:
            raise TypeError(f"they are {made.dtype}")
        made = made.to_dense() if made.layout != torch.strided else made
        made = made.resolve_neg()
        return made.double() if made.is_floating_point() and made.dtype != torch.float32 else made
    except (RuntimeError, TypeError, ValueError, OverflowError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"{path}: {name} are no plain numbers ({reason}); save them as a tensor of numbers") from error


def _said(held: object) -> str:
    """What is there instead, in words."""
    if isinstance(held, Mapping):
        return f"a dictionary of {', '.join(map(str, held)) or 'nothing'}"
    if isinstance(held, Tensor):
        return f"one tensor {tuple(held.shape)}"
    return f"a {type(held).__name__}"


def _signals(path: Path, signals: Tensor) -> Tensor:
    """``(N, T, 8)``.

    Raises:
        ValueError: it cannot be told which axis holds the channels.
    """
    shape, channels = tuple(signals.shape), len(CHANNELS)
    if signals.ndim != 3 or not signals.numel() or signals.dtype == torch.bool:
        raise ValueError(f"{path}: signals are {signals.dtype} {shape}; they must be numbers (trials, 8, samples)")
    if (shape[1] == channels) == (shape[2] == channels):
        raise ValueError(
            f"{path}: signals are {shape}; one of the last two axes must have the {channels} channels, and not both"
        )
    return signals.transpose(1, 2) if shape[1] == channels else signals


def _column(path: Path, parts: Mapping[str, Tensor], name: str, rows: int) -> NDArray[np.int64]:
    """One whole number for each row; where the file does not tell, everybody is person 1, and a trial its row."""
    if name not in parts:
        return np.arange(1, rows + 1) if name == "trials" else np.ones(rows, np.int64)
    values: NDArray[Any] = parts[name].numpy()
    least, most = (UNLABELLED if name == "labels" else 0), HIGHEST_NUMBER
    fits = values.shape == (rows,) and np.isfinite(values).all() and (values == np.round(values)).all()
    if not fits or values.min() < least or values.max() > most:
        raise ValueError(
            f"{path}: {name} are {values.dtype} {values.shape}; give one whole number from {least} to {most} for each "
            f"of {rows} rows"
        )
    return values.astype(np.int64)
