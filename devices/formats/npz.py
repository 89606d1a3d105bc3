"""Our own recordings: NumPy's zipped arrays, readable with ``numpy.load(path, allow_pickle=False)``.

| key | type | meaning |
|---|---|---|
| ``samples`` | int16 or float32 ``(T, C)`` | int16: counts of ``uv_per_count`` microvolts; float32: microvolts |
| ``uv_per_count`` | float64 | only with int16 |
| ``rate_hz`` | float64 | |
| ``channels`` | text ``(C,)`` | one name per column |
| ``names`` | text ``(K,)`` | gestures; may be empty |
| ``labels`` | int16 ``(T,)`` | index into ``names``, -1 unknown; absent where nothing is known |
| ``name``, ``person``, ``session`` | text | may be "" |
| ``simulated`` | bool | no human arm was involved |
| ``gaps`` | int64 ``(G, 2)`` | first and count of each stretch that was lost and filled; absent where there is none |

Only ``samples`` and ``rate_hz`` are demanded of a file (and ``uv_per_count`` with int16), so that others can write
them with one call of ``numpy.savez``.
"""

from __future__ import annotations

import io
import math
import re
import sys
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from devices.archive import open_zip, unpack
from devices.formats.units import settled_rate, settled_unit
from devices.recording import Recording
from dsp.flow import StreamInfo
from dsp.storage import whole

STEP_UV = 0.1
"""Preferred size of a count: an error of 0.03 uV rms, far below the 1 uV noise of a good amplifier."""
LARGEST_ERROR_UV = 0.05
"""Above this, rms, samples are kept as float32."""
FEWEST_COUNTS = 1000
"""A weak signal gets finer steps (0.01, 0.001, ...) until its largest value has this many."""

_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    rb"\{'descr': '(?P<type>[<>|]?[biufcmMOSUV]\d*)', 'fortran_order': (?P<fortran>True|False), "
    rb"'shape': \((?P<shape>(\d{1,18}(, \d{1,18})*,?)?)\), \}\s*"
)
_KINDS = {"samples": "if", "labels": "i", "names": "U", "channels": "U", "rate_hz": "if", "uv_per_count": "if"}
_KINDS |= {"name": "U", "person": "U", "session": "U", "simulated": "b", "gaps": "i"}


def save_npz(path: str | Path, recording: Recording) -> None:
    """Writes a recording, whole or not at all: to a neighbour first, then renamed.

    Samples become int16 where that costs less than ``LARGEST_ERROR_UV`` rms, otherwise they stay float32. A count is
    ``STEP_UV`` microvolts; a tenth, a hundredth ... of it for a signal too weak for that; and just large enough for
    the largest value where it would not fit. The same recording gives the same bytes.

    Raises:
        ValueError: the path does not end in ``.npz`` or lies in no folder, or the samples are not finite.
        OSError: the folder cannot be written to.
    """
    path = Path(path)
    if path.suffix.lower() != ".npz":
        raise ValueError(f"{str(path)!r} should end in .npz, the format that is written")
    if not path.parent.is_dir():
        raise ValueError(f"there is no folder {str(path.parent)!r} to write {path.name!r} into; make it first")
    if not np.isfinite(recording.samples).all():
        raise ValueError(f"{recording.info.name!r} holds samples that are not finite and is not written")
    arrays = _packed(recording.samples) | {
        "rate_hz": np.float64(recording.info.rate_hz),
        "channels": np.array(recording.info.channels, np.str_),
        "names": np.array(recording.names, np.str_),
        "name": np.array(recording.info.name, np.str_),
        "person": np.array(recording.person, np.str_),
        "session": np.array(recording.session, np.str_),
        "simulated": np.bool_(recording.simulated),
    }
    if recording.labels is not None:
        arrays["labels"] = recording.labels.astype(np.int16)
    if recording.gaps:
        arrays["gaps"] = np.array(recording.gaps, np.int64)
    with whole(path) as neighbour, neighbour.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def _packed(samples: NDArray[np.float32]) -> dict[str, Any]:
    peak = float(np.abs(samples).max(initial=0.0))
    step = STEP_UV
    if 0 < peak < FEWEST_COUNTS * STEP_UV:
        step *= 10.0 ** max(-6, math.floor(math.log10(peak / (FEWEST_COUNTS * STEP_UV))))
    step = max(step, peak / np.iinfo(np.int16).max)
    exact = samples.astype(np.float64)
    counts = np.rint(exact / step)
    error = float(np.sqrt(np.mean(np.square(counts * step - exact)))) if samples.size else 0.0
    if error >= LARGEST_ERROR_UV:
        return {"samples": samples.astype(np.float32)}
    return {"samples": counts.astype(np.int16), "uv_per_count": np.float64(step)}


def parse(path: PurePath, raw: bytes, *, rate_hz: float | None, unit: str | None) -> Recording:
    """Reads a recording.

    Raises:
        ValueError: it is damaged, or not a recording in this format, or ``rate_hz`` or ``unit`` contradicts it.
    """
    where = str(path)
    arrays = _arrays(raw, where)
    known_rate = float(_scalar(arrays, "rate_hz", where)) if "rate_hz" in arrays else None
    rate = settled_rate(where, known_rate, rate_hz)
    settled_unit(where, "uV", unit)
    samples = _unpacked(arrays, where)
    channels = _texts(arrays, "channels", where) or tuple(f"ch{number + 1}" for number in range(samples.shape[1]))
    names = _texts(arrays, "names", where)
    return Recording(
        info=StreamInfo(_text(arrays, "name", where) or path.name, rate, channels),
        samples=samples,
        names=names,
        labels=_labels(arrays, names, where),
        person=_text(arrays, "person", where),
        session=_text(arrays, "session", where),
        simulated=bool(_scalar(arrays, "simulated", where)) if "simulated" in arrays else False,
        gaps=_gaps(arrays, where),
    )


def _arrays(raw: bytes, where: str) -> dict[str, NDArray[Any]]:
    """The known arrays of the file; members that are unknown are not even unpacked."""
    with open_zip(io.BytesIO(raw), where) as archive:
        members = {name.removesuffix(".npy"): archive.getinfo(name) for name in archive.namelist()}
        if "samples" not in members:
            held = ", ".join(map(repr, sorted(members)[:8])) or "nothing"
            raise ValueError(f"{where!r} is no recording: it needs 'samples' and 'rate_hz', and holds {held}")
        return {key: _array(unpack(archive, members[key], where), key, where) for key in _KINDS if key in members}


def _array(raw: bytes, key: str, where: str) -> NDArray[Any]:
    """One array, its header taken literally and held against what is there before memory is asked for."""
    start = len(_MAGIC) + 2 + int.from_bytes(raw[len(_MAGIC) : len(_MAGIC) + 2], "little")
    header = _HEADER.fullmatch(raw[len(_MAGIC) + 2 : start])
    if not raw.startswith(_MAGIC) or not header:
        raise ValueError(f"{where!r} is no recording of ours: {key!r} is not an array of plain numbers or text")
    try:
        dtype = np.dtype(header["type"].decode())
    except TypeError:
        dtype = np.dtype(np.void)
    if dtype.kind not in _KINDS[key]:
        raise ValueError(f"{where!r} is no recording of ours: {key!r} has the type {header['type'].decode()}")
    shape = tuple(int(side) for side in header["shape"].split(b",") if side.strip())
    size = math.prod(shape)
    if size * dtype.itemsize != len(raw) - start:
        raise ValueError(f"{where!r} is damaged: {key!r} says shape {shape}, but its bytes are fewer or more")
    if dtype.kind == "U" and np.frombuffer(raw, dtype.byteorder + "u4", offset=start).max(initial=0) > sys.maxunicode:
        raise ValueError(f"{where!r} is damaged: {key!r} is not text")
    order: Literal["F", "C"] = "F" if header["fortran"] == b"True" else "C"
    return np.frombuffer(raw, dtype, count=size, offset=start).reshape(shape, order=order)


def _unpacked(arrays: Mapping[str, NDArray[Any]], where: str) -> NDArray[np.float32]:
    samples = arrays["samples"]
    if samples.ndim != 2 or not samples.size:
        raise ValueError(f"{where!r} is no recording: its samples have shape {samples.shape}, not (time, channels)")
    if samples.dtype.kind == "i":
        if "uv_per_count" not in arrays:
            raise ValueError(f"{where!r} holds counts but no 'uv_per_count'; add it, or save the samples in microvolts")
        step = float(_scalar(arrays, "uv_per_count", where))
        if not (math.isfinite(step) and step > 0):
            raise ValueError(f"{where!r} gives uv_per_count as {step:g}; it must be above zero")
        samples = samples * step
    with np.errstate(over="ignore"):
        result: NDArray[np.float32] = np.ascontiguousarray(samples, dtype=np.float32)
    bad = ~np.isfinite(result)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(
            f"{where!r}: sample {row} of column {column + 1} is not a finite number; cut that stretch out of the "
            f"recording or fill it"
        )
    return result


def _labels(arrays: Mapping[str, NDArray[Any]], names: tuple[str, ...], where: str) -> NDArray[np.int16] | None:
    if "labels" not in arrays:
        return None
    labels = arrays["labels"]
    if labels.ndim != 1 or labels.min(initial=0) < -1 or labels.max(initial=-1) >= len(names):
        raise ValueError(f"{where!r} has labels that point beyond its {len(names)} names")
    return labels.astype(np.int16)


def _gaps(arrays: Mapping[str, NDArray[Any]], where: str) -> tuple[tuple[int, int], ...]:
    if "gaps" not in arrays:
        return ()
    if arrays["gaps"].ndim != 2 or arrays["gaps"].shape[1] != 2:
        raise ValueError(f"{where!r} is no recording of ours: 'gaps' should be pairs of a first sample and a count")
    return tuple((int(first), int(count)) for first, count in arrays["gaps"])


def _scalar(arrays: Mapping[str, NDArray[Any]], key: str, where: str) -> Any:
    if arrays[key].size != 1:
        raise ValueError(f"{where!r} is no recording of ours: {key!r} should be one value, and is {arrays[key].size}")
    return arrays[key].item()


def _text(arrays: Mapping[str, NDArray[Any]], key: str, where: str) -> str:
    return str(_scalar(arrays, key, where)) if key in arrays else ""


def _texts(arrays: Mapping[str, NDArray[Any]], key: str, where: str) -> tuple[str, ...]:
    if key not in arrays:
        return ()
    if arrays[key].ndim != 1:
        raise ValueError(f"{where!r} is no recording of ours: {key!r} should be a list of names")
    return tuple(map(str, arrays[key]))
