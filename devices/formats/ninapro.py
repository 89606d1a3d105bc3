"""Ninapro: MATLAB files of one exercise (ninapro.hevs.ch).

``DB2_s1/S1_E1_A1.mat``: ``emg`` (samples, electrodes), ``restimulus`` (which movement, corrected afterwards to when it
was made; otherwise ``stimulus``, which movement was shown), ``subject``, ``exercise``, sometimes ``frequency``. Read
with scipy, or with h5py where MATLAB wrote its version 7.3.

Choices:

* *Database.* No file says to which of the databases it belongs; 10 columns are DB1, 12 are DB2, DB3 or DB7, 16 columns
  of whole numbers DB5 (two Myo armbands), other 16 columns DB6. ``frequency``, where there is one, is believed.
* *Rate.* 100 Hz for DB1, 200 Hz for DB5, 2000 Hz for the others.
* *Unit.* DB5: int8 counts whose size the maker never gave, one of them is taken as one microvolt. DB1: volts at the
  output of electrodes that amplify, rectify and smooth, not at the skin; only relations mean anything. Otherwise volts,
  if they lie in the range of the amplifier (11 mV) and its offset; else the unit is asked for.
* *Label.* ``rest`` is 0, ``movement NN`` the others. In DB1 and DB5 every exercise counts from 1: those of the second
  and third are put after the first, 12 and 29 movements on, so that a number means one movement.
* *Trials.* The repetitions of all movements are one recording, as they were made; ``repetition`` is not kept.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.entry import Entry
from devices.formats.foreign import reading
from devices.formats.tabular import finite, to_microvolts
from devices.formats.units import settled_rate, settled_unit
from devices.recording import Recording
from dsp.flow import StreamInfo

LAYOUT = "ninapro"
EXAMPLE = "DB2_s1/S1_E1_A1.mat"

_FILE = re.compile(
    r"S(?P<person>\d+)_(E(\d+)_A\d+|A\d+_E(\d+)|D(?P<day>\d+)_T(?P<time>\d+))\.mat", re.ASCII | re.IGNORECASE
)
_KEYS = ("emg", "restimulus", "stimulus", "subject", "exercise", "frequency")
_HDF5 = b"\x89HDF\r\n\x1a\n"
_RATES = {"DB1": 100.0, "DB2": 2000.0, "DB5": 200.0, "DB6": 2000.0}
_EARLIER = {1: (0, 12), 2: (12, 17), 3: (29, 23)}
"""Movements before an exercise, and in it, of DB1 and DB5."""
_LARGEST_V = 0.05
_MOST_MOVEMENTS = 1000


def entry(path: PurePath, name: str) -> Entry | None:
    """What the path says, or None where it is not of this layout; see ``devices.formats.synapse.entry``."""
    found = _FILE.fullmatch(path.name)
    if not found:
        return None
    session = int(found["day"] or 1)
    trial = int(found["time"] or found[3] or found[4])
    return Entry(int(found["person"]), session, None, trial, name)


def parse(path: PurePath, raw: bytes, *, rate_hz: float | None, unit: str | None) -> Recording:
    """Reads one file.

    Raises:
        ValueError: it is malformed, or ``rate_hz`` or ``unit`` contradicts it.
    """
    where = str(path)
    values = _variables(raw, where)
    emg, movement = _table(values, where)
    exercise = _number(values, "exercise")
    base = _database(emg)
    said = _number(values, "frequency")
    rate = settled_rate(where, said or _RATES.get(base), rate_hz)
    scale = settled_unit(where, _unit(emg, base), unit)
    before, most = _EARLIER.get(int(exercise or 1), (0, 0))
    if base in {"DB1", "DB5"} and movement.max(initial=0) <= most:
        movement = np.where(movement > 0, movement + before, 0)
    shown = np.unique(np.append(movement, 0))
    found = _FILE.fullmatch(path.name)
    person = _number(values, "subject")
    return Recording(
        info=StreamInfo(path.name, rate, tuple(f"ch{number + 1}" for number in range(emg.shape[1]))),
        samples=to_microvolts(emg, scale, where),
        names=tuple(f"movement {number:02d}" if number else "rest" for number in shown.tolist()),
        labels=np.searchsorted(shown, movement).astype(np.int16),
        person=f"{person:.0f}" if person is not None else found["person"] if found else "",
        session=(found["day"] or "") if found else "",
    )


def _variables(raw: bytes, where: str) -> dict[str, NDArray[Any]]:
    with reading(where, "MATLAB file"):
        return _hdf5(raw) if _HDF5 in raw[:1024] else _version_5(raw)


def _version_5(raw: bytes) -> dict[str, NDArray[Any]]:
    from scipy.io import loadmat  # noqa: PLC0415 - slow to import, and most recordings are no MATLAB files

    file: Any = io.BytesIO(raw)  # scipy takes it, its types do not know
    read: dict[str, Any] = loadmat(file, variable_names=_KEYS)
    return {key: value for key, value in read.items() if key in _KEYS and _is_numeric(value)}


def _hdf5(raw: bytes) -> dict[str, NDArray[Any]]:
    """MATLAB's version 7.3 stores every matrix by columns, so h5py sees it transposed."""
    import h5py  # noqa: PLC0415 - slow to import, and most recordings are no MATLAB files

    with h5py.File(io.BytesIO(raw), "r") as file:
        found = {key: file[key] for key in _KEYS if isinstance(file.get(key), h5py.Dataset)}
        return {
            key: np.asarray(value[()]).T
            for key, value in found.items()
            if value.dtype.kind in "iuf" and value.ndim == 2
        }


def _is_numeric(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "iuf" and value.ndim == 2


def _table(values: Mapping[str, NDArray[Any]], where: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """``emg`` and the movement of each sample."""
    key = next((key for key in ("restimulus", "stimulus") if key in values), None)
    if "emg" not in values or key is None:
        held = ", ".join(values) or "none of them"
        raise ValueError(f"{where!r} is no Ninapro file: it needs 'emg' and 'restimulus' or 'stimulus', and has {held}")
    emg, movement = values["emg"].astype(np.float64), values[key].astype(np.float64).ravel()
    if not emg.size or len(movement) != len(emg):
        raise ValueError(f"{where!r} has emg of shape {emg.shape} and {len(movement)} labels; they must be as many")
    if not ((movement >= 0) & (movement < _MOST_MOVEMENTS) & (movement == np.rint(movement))).all():
        raise ValueError(f"{where!r} has labels in {key!r} that are no numbers of movements")
    return finite(emg, where), movement.astype(np.int64)


def _database(emg: NDArray[np.float64]) -> str:
    columns = emg.shape[1]
    if columns == 16 and (emg == np.rint(emg)).all() and np.abs(emg).max() <= 128:
        return "DB5"
    return {10: "DB1", 12: "DB2", 14: "DB6", 16: "DB6"}.get(columns, "")


def _unit(emg: NDArray[np.float64], base: str) -> str | None:
    if base in {"DB1", "DB5"}:
        return "V" if base == "DB1" else "uV"
    return "V" if base and float(np.abs(emg).max()) <= _LARGEST_V else None


def _number(values: Mapping[str, NDArray[Any]], key: str) -> float | None:
    """A variable that is one number above zero, or None."""
    value = float(values[key].ravel()[0]) if key in values and values[key].size == 1 else 0.0
    return value if 0 < value < 1e9 else None
