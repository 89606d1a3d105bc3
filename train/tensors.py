"""The Synapse challenge as one PyTorch file of tensors: every trial a row, with who showed what.

``signals`` ``(N, 8, T)`` or ``(N, T, 8)`` in millivolts at 512 Hz and ``labels`` ``(N,)`` counted from 0; ``people``,
``sessions`` and ``trials`` ``(N,)`` where it tells. In a dictionary under these or the other usual names, or in a tuple
in this order. It lies in ``train`` and not with the other layouts because reading it takes PyTorch. Only tensors and
plain values are read: a pickled program in such a file is not run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from devices.entry import Entry
from devices.formats.synapse import CHANNELS, LAYOUT, NAMES, RATE_HZ
from devices.recording import Recording
from dsp.flow import StreamInfo

SUFFIX = ".pt"
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
        self._signals = _signals(path, parts["signals"])
        columns = {name: _column(path, parts, name, len(self._signals)) for name in NAMED if name != "signals"}
        self.skipped: list[str] = []
        self._rows: dict[str, int] = {}
        entries = []
        for row, label in enumerate(columns["labels"].tolist()):
            if not 0 <= label < len(NAMES):
                self.skipped.append(f"{path} row {row}: its label is {label}; gestures are 0 to {len(NAMES) - 1}")
                continue
            who, when, trial = (int(columns[part][row]) for part in ("people", "sessions", "trials"))
            name = f"row{row:06d}"
            self._rows[name] = row
            entries.append(Entry(who, when, NAMES[label], trial, name))
        self.entries = tuple(sorted(entries, key=lambda entry: entry.order))

    def read(self, entry: Entry) -> Recording:
        """The trial.

        Raises:
            ValueError: it holds values that are no numbers.
        """
        row = self._rows[entry.name]
        samples = self._signals[row].numpy().astype(np.float64) * UV_PER_MV
        if not np.isfinite(samples).all():
            raise ValueError(f"{self._path} row {row} holds values that are no numbers; mend or remove it")
        assert entry.gesture is not None  # noqa: S101 - every row has one
        return Recording(
            info=StreamInfo(f"{self._path.name} {entry.name}", RATE_HZ, CHANNELS),
            samples=np.ascontiguousarray(samples, np.float32),
            names=NAMES,
            labels=np.full(len(samples), NAMES.index(entry.gesture), np.int16),
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
    except UnpicklingError as error:
        raise ValueError(
            f"{path} holds Python objects besides tensors, and those are programs, which are not run; save a "
            "dictionary of plain tensors (signals, labels, people, sessions)"
        ) from error
    except (RuntimeError, EOFError, ValueError, TypeError, AttributeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{path} is no file that PyTorch wrote ({reason})") from error
    found = dict(_named(held))
    if lacking := [name for name in ("signals", "labels") if name not in found]:
        raise ValueError(
            f"{path} holds {_said(held)}, and no {' and no '.join(lacking)}; name them {', '.join(NAMED)} in a "
            "dictionary, or save a tuple in that order"
        )
    return found


def _named(held: object) -> list[tuple[str, Tensor]]:
    if isinstance(held, Mapping):
        pairs = [(_ours(str(key)), value) for key, value in held.items()]
    elif isinstance(held, Sequence) and not isinstance(held, str):
        pairs = list(zip(NAMED, held, strict=False))
    else:
        pairs = []
    return [(name, torch.as_tensor(value)) for name, value in pairs if name and _numbers(value)]


def _ours(name: str) -> str:
    return next((ours for ours, names in NAMED.items() if name.lower() in names), "")


def _numbers(value: object) -> bool:
    """Whether it is a tensor, or a list of plain numbers."""
    return isinstance(value, Tensor) or (isinstance(value, list) and all(isinstance(one, int | float) for one in value))


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
    if signals.ndim != 3 or not (signals.is_floating_point() or signals.dtype in (torch.int16, torch.int32)):
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
    if values.shape != (rows,) or not (np.isfinite(values).all() and (values == np.round(values)).all()):
        raise ValueError(
            f"{path}: {name} are {values.dtype} {values.shape}; give one whole number for each of {rows} rows"
        )
    return values.astype(np.int64)
