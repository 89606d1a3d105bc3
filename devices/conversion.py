"""Any recording that can be read, written in any format that can be; what was lost is found by reading it again."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from devices.files import SUFFIXES, load
from devices.formats.npz import save_npz
from devices.formats.writer import FORMATS as RECORDED
from devices.formats.writer import open_writer
from devices.recording import UNLABELLED, Recording
from dsp.flow import Chunk

FORMATS: dict[str, tuple[str, ...]] = {"npz": (".npz",), **RECORDED}
"""The suffixes of each format; ``bids`` is a folder."""

_PIECE_S = 1.0
_WORTH_TELLING_UV = 0.01


def destination(out: Path, format_: str | None) -> tuple[Path, str]:
    """The file or folder that is meant and its format; without a suffix and a format, a folder of EMG-BIDS.

    Raises:
        ValueError: the format is unknown, or contradicts the suffix.
    """
    said = next((name for name, suffixes in FORMATS.items() if out.suffix.lower() in suffixes), None)
    if format_ is not None and format_ not in FORMATS:
        raise ValueError(f"{format_!r} cannot be written; known are {', '.join(FORMATS)}")
    if format_ is None:
        if said is None and out.suffix:
            known = ", ".join(suffix for suffixes in FORMATS.values() for suffix in suffixes)
            raise ValueError(f"{out.name!r} ends in {out.suffix!r}, which cannot be written; known are {known}")
        return out, said or "bids"
    if said not in {None, format_}:
        raise ValueError(f"{out.name!r} ends in {out.suffix!r}, but --to says {format_}; leave one of them out")
    return (out.with_name(out.name + FORMATS[format_][0]) if said is None and format_ != "bids" else out), format_


@contextmanager
def replacing(out: Path, *, force: bool) -> Iterator[Path]:
    """A place of the same name to write to, which becomes ``out`` when all went well, and vanishes otherwise.

    Raises:
        ValueError: ``out`` exists and may not be replaced, or lies in no folder.
    """
    _check_free(out, force=force)
    beside = out.with_name(f".{os.getpid()}-{out.name[-100:]}.tmp")
    try:
        beside.mkdir()
        yield beside / out.name
        if out.is_dir():
            out.rename(beside / f"{out.name}.before")
        (beside / out.name).replace(out)
    except OSError as error:
        if error.filename is None or str(error.filename).startswith(str(beside)):
            error.filename = str(out)  # of the place beside it nobody knows
        raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _check_free(out: Path, *, force: bool) -> None:
    if not out.absolute().parent.is_dir():
        raise ValueError(f"there is no folder {str(out.parent)!r} to write {out.name!r} into; make it first")
    if not os.path.lexists(out):
        return
    if not force:
        raise ValueError(f"there already is a {str(out)!r}; choose another name, or replace it with --force")
    is_own = (out / "dataset_description.json").is_file() if out.is_dir() else out.suffix.lower() in SUFFIXES
    if not is_own:
        raise ValueError(f"{str(out)!r} is no recording and is not replaced; choose another name")


def write(recording: Recording, out: Path, format_: str, *, task: str = "gestures") -> list[str]:
    """Writes a recording to a file that does not exist, or into a folder of EMG-BIDS.

    Returns:
        What could not be kept: sentences without their subject.

    Raises:
        ValueError: the recording has no samples.
        OSError: it cannot be written.
    """
    if not len(recording.samples):
        raise ValueError(f"{recording.info.name!r} has no samples, so there is nothing to convert")
    if format_ == "npz":
        save_npz(out, recording)
        return differences(recording, load(out))
    before = _signals(recording, out) if format_ == "bids" else set()
    writer = open_writer(
        out,
        recording.info,
        names=recording.names,
        person=recording.person,
        session=recording.session,
        format_=format_,
        simulated=recording.simulated,
        task=task,
        live=False,
    )
    try:
        for first, label in _changes(recording):
            writer.mark(first, label)
        for chunk in _pieces(recording):
            writer.write(chunk)
    finally:
        writer.close()
    (made,) = _signals(recording, out) - before if format_ == "bids" else {out}
    return differences(recording, load(made)) + ([f"is not complete: {writer.complaint}"] if writer.complaint else [])


def _signals(recording: Recording, root: Path) -> set[Path]:
    """The recordings of one person in a folder of EMG-BIDS, whose names hold letters and digits only."""
    person = "".join(letter for letter in recording.person if letter.isascii() and letter.isalnum())
    return set((root / f"sub-{person or '01'}").rglob("*_emg.bdf"))


def _pieces(recording: Recording) -> Iterator[Chunk]:
    """Its samples a second at a time, without those of its gaps."""
    starts = [0, *(first + count for first, count in recording.gaps)]
    ends = [*(first for first, _ in recording.gaps), len(recording.samples)]
    length = max(1, round(_PIECE_S * recording.info.rate_hz))
    for start, end in zip(starts, ends, strict=True):
        for first in range(start, end, length):
            yield Chunk(recording.samples[first : min(first + length, end)], first)


def _changes(recording: Recording) -> Iterator[tuple[int, str]]:
    """Where the label changes, and into what."""
    labels = recording.labels
    if labels is None:
        return
    for first in (np.flatnonzero(np.diff(labels, prepend=np.int16(UNLABELLED)))).tolist():
        label = int(labels[first])
        yield first, "" if label == UNLABELLED else recording.names[label]


def differences(before: Recording, after: Recording) -> list[str]:
    """What a recording has that another one, made of it, has not: sentences without their subject."""
    told: list[str] = []
    for name, was, has in (
        ("the rate of {} Hz", before.info.rate_hz, after.info.rate_hz),
        ("the name {!r}", before.info.name, after.info.name),
        ("the person {!r}", before.person, after.person),
        ("the session {!r}", before.session, after.session),
    ):
        if was and not _same(was, has):
            told.append(f"keeps {name.format(was)} as {has!r}")
    if before.info.channels != after.info.channels:
        told.append(f"calls its channels {', '.join(after.info.channels)}")
    if before.simulated and not after.simulated:
        told.append("does not say that no human arm was involved")
    if math.isfinite(before.info.full_scale_uv) and before.info.full_scale_uv != after.info.full_scale_uv:
        told.append("does not say where the range of the device ends")
    if not set(before.names) <= set(after.names):
        told.append("forgets labels that do not occur")
    return told + _samples(before, after)


def _same(was: float | str, has: float | str) -> bool:
    if isinstance(was, float) and isinstance(has, float):
        return math.isclose(was, has, rel_tol=1e-9)
    return was == has


def _samples(before: Recording, after: Recording) -> list[str]:
    if before.samples.shape != after.samples.shape:
        return [f"holds samples of shape {after.samples.shape} instead of {before.samples.shape}"]
    told = []
    if before.gaps != after.gaps:
        told.append(f"has {len(after.gaps)} gaps instead of {len(before.gaps)}")
    measured = np.ones(len(before.samples), bool)
    for first, count in before.gaps:
        measured[first : first + count] = False
    error = float(np.abs(before.samples - after.samples)[measured].max(initial=0.0))
    if error > _WORTH_TELLING_UV:
        told.append(f"rounds samples by up to {error:.2g} uV")
    wrong = int((_texts(before) != _texts(after))[measured].sum())
    if wrong:
        told.append(f"labels {wrong} samples otherwise")
    return told


def _texts(recording: Recording) -> NDArray[np.str_]:
    """``(T,)`` the label of each sample as text."""
    if recording.labels is None:
        return np.zeros(len(recording.samples), np.str_)
    return np.array([*recording.names, ""], np.str_)[recording.labels]
