"""putEMG: 24 electrodes in three bands around the forearm, 5120 Hz (biolab.put.poznan.pl/putemg-dataset, CC BY-NC 4.0).

``emg_gestures-07-repeats_long-2018-05-11-11-05-00-695.hdf5``, a table that pandas wrote: ``EMG_1`` ... ``EMG_24``,
``TRAJ_1`` (which gesture was shown) and ``TRAJ_GT`` (which was made, by video). Read with h5py, as ``DataFrame.to_hdf``
stores it in either of its formats, and as parquet of the same columns with pyarrow.

Choices:

* *Channels.* EMG_9 ... EMG_16, the middle band of eight.
* *Unit.* Counts of a 12-bit converter over 5 V behind a gain of 200, 6.1035 uV each, as other readers of the set
  take it (5 / 2**12 * 1000 / 200 millivolts); the file itself does not say.
* *Label.* ``TRAJ_GT``, else ``TRAJ_1``; -1, between gestures or not to be told, is unlabelled.
* *Session.* The day of the recording, which is in the file's name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.entry import Entry
from devices.formats.foreign import reading
from devices.formats.tabular import to_microvolts
from devices.formats.units import settled_rate, settled_unit
from devices.recording import UNLABELLED, Recording
from dsp.flow import StreamInfo

LAYOUT = "putemg"
EXAMPLE = "emg_gestures-07-repeats_long-2018-05-11-11-05-00-695.hdf5"
RATE_HZ = 5120.0
CHANNELS = tuple(f"EMG_{number}" for number in range(9, 17))
UV_PER_COUNT = 5 / 2**12 / 200 * 1e6
NAMES = ("idle", "fist", "flexion", "extension", "pinch index", "pinch middle", "pinch ring", "pinch small")
CODES = (0, 1, 2, 3, 6, 7, 8, 9)
"""What ``TRAJ_GT`` holds for each of ``NAMES``."""

_FILE = re.compile(
    r"emg_gestures-(?P<person>\d+)-(?P<kind>\w+)-(?P<day>\d{4}-\d\d-\d\d)[-\d]*\.(hdf5|h5|parquet)", re.ASCII
)
_KINDS = ("sequential", "repeats_short", "repeats_long")
_LABELS = ("TRAJ_GT", "TRAJ_1")
_COLUMN = re.compile(rb"EMG_\d+|TRAJ_\d+|TRAJ_GT_NO_FILTER|TRAJ_GT|VIDEO_STAMP|subject")


def entry(path: PurePath, name: str) -> Entry | None:
    """What the path says, or None where it is not of this layout; see ``devices.formats.synapse.entry``."""
    found = _FILE.fullmatch(path.name)
    if not found:
        return None
    trial = _KINDS.index(found["kind"]) + 1 if found["kind"] in _KINDS else len(_KINDS) + 1
    return Entry(int(found["person"]), int(found["day"].replace("-", "")), None, trial, name)


def recognises(names: Sequence[str]) -> bool:
    """Whether a table with these columns is one of putEMG."""
    return {*CHANNELS} <= {*names} and any(name in names for name in _LABELS)


def recording(
    path: PurePath, columns: Mapping[str, NDArray[Any]], *, rate_hz: float | None, unit: str | None
) -> Recording:
    """Makes a recording of the columns of a table that ``recognises`` holds for one.

    Raises:
        ValueError: they hold what no electrode gives, or ``rate_hz`` or ``unit`` contradicts the layout.
    """
    where = str(path)
    rate = settled_rate(where, RATE_HZ, rate_hz)
    settled_unit(where, "uV", unit)
    counts = np.column_stack([np.asarray(columns[name], np.float64) for name in CHANNELS])
    if not len(counts) or not np.isfinite(counts).all():
        raise ValueError(f"{where!r} holds no samples, or values that are not finite numbers; copy it again")
    codes = np.asarray(columns[next(name for name in _LABELS if name in columns)], np.float64)
    labels = np.full(len(codes), UNLABELLED, np.int16)
    for number, code in enumerate(CODES):
        labels[codes == code] = number
    found = _FILE.fullmatch(path.name)
    return Recording(
        info=StreamInfo(path.name, rate, CHANNELS),
        samples=to_microvolts(counts, UV_PER_COUNT, where),
        names=NAMES,
        labels=labels,
        person=str(int(found["person"])) if found else "",
        session=found["day"].replace("-", "") if found else "",
    )


def parse_parquet(path: PurePath, raw: bytes, *, rate_hz: float | None, unit: str | None) -> Recording:
    """Reads parquet.

    Raises:
        ValueError: it is malformed, no table of putEMG, or ``rate_hz`` or ``unit`` contradicts the layout.
    """
    where = str(path)
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ValueError(
            f"{where!r} is parquet, which needs pyarrow; install it with: python -m pip install -e '.[parquet]'"
        ) from None
    with reading(where, "parquet file"):
        names = pq.ParquetFile(pa.BufferReader(raw)).schema_arrow.names
        if not recognises(names):
            raise ValueError(
                f"{where!r} is not a table of putEMG, the only parquet that is known; it needs {CHANNELS[0]} ... "
                f"{CHANNELS[-1]} and TRAJ_GT or TRAJ_1, and has {', '.join(names[:8]) or 'no columns'}"
            )
        kept = [name for name in names if name in {*CHANNELS, *_LABELS}]
        table = pq.read_table(pa.BufferReader(raw), columns=kept)
        columns = {name: table.column(name).to_numpy().astype(np.float64) for name in kept}
    return recording(path, columns, rate_hz=rate_hz, unit=unit)


def pandas_columns(file: Any) -> dict[str, NDArray[Any]] | None:
    """The numeric columns of a table that pandas stored in an HDF5 file, or None where there is none of putEMG.

    pandas knows two ways: "fixed", arrays ``blockN_values`` with ``blockN_items`` naming their columns; and "table",
    one compound dataset with fields ``values_block_N`` whose attribute ``values_block_N_kind`` names theirs, in a
    serialisation of Python objects that is not run but only searched for the names.

    Args:
        file: an open ``h5py.File``.
    """
    groups = [file, *(group for group in file.values() if hasattr(group, "keys"))]
    for group in groups:
        columns = _fixed(group) if "block0_values" in group else _table(group["table"]) if "table" in group else {}
        if recognises(list(columns)):
            return columns
    return None


def _fixed(group: Any) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {}
    number = 0
    while f"block{number}_values" in group and f"block{number}_items" in group:
        items, values = group[f"block{number}_items"], group[f"block{number}_values"]
        names = [item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item) for item in items[()]]
        if values.ndim == 2 and values.shape[1] == len(names) and values.dtype.kind in "iuf":
            block = values[()]
            columns |= {name: block[:, place] for place, name in enumerate(names)}
        number += 1
    return columns


def _table(dataset: Any) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {}
    for field in getattr(dataset, "dtype", np.dtype("f8")).names or ():
        kind = dataset.dtype[field]
        said = dataset.attrs.get(f"{field}_kind", b"")
        text = said.encode() if isinstance(said, str) else bytes(np.asarray(said).tobytes())
        names = [name.decode() for name in dict.fromkeys(_COLUMN.findall(text))]
        if kind.subdtype and kind.subdtype[0].kind in "iuf" and kind.shape == (len(names),):
            block = dataset.fields(field)[()]
            columns |= {name: block[:, place] for place, name in enumerate(names)}
    return columns
