"""HDF5: recordings of ours, tables of putEMG, and one plain array with its rate.

* *Ours*, as ``devices.formats.hdf5_writer`` lays it out: ``/samples`` with fields ``sample`` and ``emg``, ``/names``.
* *putEMG*, see ``devices.formats.putemg``.
* *Plain*: the one dataset of two dimensions, samples by channels, with an attribute that gives the rate (``rate_hz``,
  ``sampling_rate``, ``fs``, ...), on itself, a group above it, or the file. ``unit``, ``channels``, ``person`` and
  ``session`` are attributes as well, and ``labels`` a dataset beside it, of a name or number for each sample.

A file that was cut off is refused by the HDF5 library; one whose inside was overwritten it does not check, and it may
crash or hang over it, which cannot be told in a sentence.
"""

from __future__ import annotations

import io
import math
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.formats import putemg
from devices.formats.foreign import reading
from devices.formats.tabular import finite, to_microvolts
from devices.formats.timeline import Gaps, Span, filled, labelled, stretches
from devices.formats.units import settled_rate, settled_unit
from devices.recording import UNLABELLED, Recording
from dsp.flow import StreamInfo

_RATE_KEYS = (
    "rate_hz",
    "sampling_rate",
    "sample_rate",
    "sampling_frequency",
    "samplingfrequency",
    "sfreq",
    "fs",
    "rate",
)
_STEEPEST = 1000
"""A dataset of more than this many times the bytes of its file is no measurement."""


def parse(path: PurePath, raw: bytes, *, rate_hz: float | None, unit: str | None) -> Recording:
    """Reads a recording.

    Raises:
        ValueError: it is damaged, holds none or several arrays (the message lists them), or ``rate_hz`` or ``unit``
            is missing or contradicts it.
    """
    import h5py  # noqa: PLC0415 - slow to import, and most recordings are no HDF5

    with reading(str(path), "HDF5 file"), h5py.File(io.BytesIO(raw), "r") as file:
        datasets = _datasets(file)
        for name, dataset in datasets.items():
            if dataset.size * dataset.dtype.itemsize > max(2**20, _STEEPEST * len(raw)):
                raise ValueError(f"{str(path)!r}: {name!r} claims more than the file can hold; it is damaged")
        samples = datasets.get("samples")
        if samples is not None and {"sample", "emg", "label"} <= set(samples.dtype.names or ()):
            return _own(file, path, rate_hz, unit)
        columns = putemg.pandas_columns(file)
        if columns is not None:
            return putemg.recording(path, columns, rate_hz=rate_hz, unit=unit)
        return _plain(datasets, path, rate_hz, unit)


def _own(file: Any, path: PurePath, rate_hz: float | None, unit: str | None) -> Recording:
    where, attributes, rows = str(path), file.attrs, file["samples"][()]
    if not len(rows):
        raise ValueError(f"{where!r} holds no samples; the recording ended before its first one")
    rate = settled_rate(where, _positive(attributes.get("rate_hz")), rate_hz)
    scale = settled_unit(where, _text(attributes.get("unit")) or "uV", unit)
    emg = finite(rows["emg"].astype(np.float64), where)
    index = rows["sample"].astype(np.int64)
    samples, gaps = filled(to_microvolts(emg, scale, where), index, rate, where)
    names = tuple(name for name in map(_text, file["names"][()]) if name)
    labels = _own_labels(rows["label"], index, len(samples), gaps) if names else None
    full_scale = _positive(attributes.get("full_scale_uv"))
    info = StreamInfo(
        _text(attributes.get("name")) or path.name,
        rate,
        _channels(attributes.get("channels"), emg.shape[1]),
        full_scale_uv=math.inf if full_scale is None else full_scale,
    )
    return Recording(
        info=info,
        samples=samples,
        names=names,
        labels=labels,
        person=_text(attributes.get("person")),
        session=_text(attributes.get("session")),
        simulated=bool(attributes.get("simulated", False)),
        gaps=gaps,
    )


def _own_labels(
    label: NDArray[np.int16], index: NDArray[np.int64], length: int, gaps: Gaps
) -> NDArray[np.int16] | None:
    if (label == UNLABELLED).all():
        return None
    labels = np.full(length, UNLABELLED, np.int16)
    labels[index - index[0]] = label
    for first, count in gaps:
        labels[first : first + count] = UNLABELLED
    return labels


def _plain(datasets: dict[str, Any], path: PurePath, rate_hz: float | None, unit: str | None) -> Recording:
    where = str(path)
    tables = {name: one for name, one in datasets.items() if one.ndim == 2 and one.dtype.kind in "iuf" and one.size}
    rated = {name: one for name, one in tables.items() if _stated(one, _RATE_KEYS) is not None}
    if rate_hz is not None and len(tables) == 1:
        rated = tables
    if len(rated) != 1:
        held = "; ".join(f"{name!r} {_shape(one)}" for name, one in list(datasets.items())[:8]) or "no datasets"
        raise ValueError(
            f"{where!r} should hold one dataset of samples by channels with an attribute rate_hz"
            f"{' (or --rate)' if len(tables) == 1 else ''}, and holds {held}; keep the one that is meant"
        )
    (name, table), *_ = rated.items()
    rate = settled_rate(where, _positive(_stated(table, _RATE_KEYS)), rate_hz)
    scale = settled_unit(where, _text(_stated(table, ("unit", "units"))) or None, unit)
    values = finite(np.asarray(table[()], np.float64), where)
    if values.shape[1] > values.shape[0]:
        raise ValueError(
            f"{where!r}: {name!r} has shape {values.shape}; it must be (samples, channels), so transpose it"
        )
    samples = to_microvolts(values, scale, where)
    beside = table.parent.get("labels")
    names, labels = labelled(_spans(beside, len(samples), where), len(samples), (), where)
    return Recording(
        info=StreamInfo(path.name, rate, _channels(_stated(table, ("channels",)), samples.shape[1])),
        samples=samples,
        names=names,
        labels=labels,
        person=_text(_stated(table, ("person", "subject"))),
        session=_text(_stated(table, ("session",))),
        simulated=bool(_stated(table, ("simulated",))),
    )


def _spans(dataset: Any, length: int, where: str) -> list[Span]:
    if dataset is None:
        return []
    shown = [_text(label) for label in np.asarray(dataset[()]).ravel()]
    if len(shown) != length:
        raise ValueError(f"{where!r} has {length} samples but {len(shown)} labels; they must be as many")
    return stretches(shown, np.arange(length))


def _datasets(file: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def note(name: str, item: Any) -> None:
        if hasattr(item, "dtype") and item.shape is not None:
            found[name] = item

    file.visititems(note)
    return found


def _stated(dataset: Any, keys: tuple[str, ...]) -> Any:
    """An attribute of the dataset, a group above it, or the file; of whatever capitals."""
    place = dataset
    while True:
        attributes = {key.lower(): key for key in place.attrs}
        for key in keys:
            if key in attributes:
                return place.attrs[attributes[key]]
        if place.name in {"/", None}:
            return None
        place = place.parent


def _positive(value: Any) -> float | None:
    numbers = np.asarray(0 if value is None else value).ravel()
    if numbers.dtype.kind not in "iuf" or len(numbers) != 1:
        return None
    return float(numbers[0]) if 0 < float(numbers[0]) < math.inf else None


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.ravel()[0]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").rstrip("\0")
    return "" if value is None else str(value)


def _channels(value: Any, count: int) -> tuple[str, ...]:
    names = tuple(map(_text, np.asarray(value).ravel())) if value is not None else ()
    return names if len(names) == count and all(names) else tuple(f"ch{number + 1}" for number in range(count))


def _shape(dataset: Any) -> str:
    return f"({', '.join(map(str, dataset.shape))})"
