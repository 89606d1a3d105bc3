"""Recordings from files of every known format."""

from __future__ import annotations

from pathlib import Path, PurePath

from devices.archive import read_bytes
from devices.formats import delimited, myo_readings, npz, synapse
from devices.formats.npz import save_npz
from devices.formats.tabular import is_number, text_lines
from devices.recording import Recording

__all__ = ["SUFFIXES", "load", "parse", "save_npz"]

SUFFIXES = (".csv", ".tsv", ".txt", ".npz")


def load(path: str | Path, *, rate_hz: float | None = None, unit: str | None = None) -> Recording:
    """Reads one recording.

    Known are, each in its module of ``devices.formats`` and told apart by name and content: trials of the Synapse
    challenge, Myo readings, tables with a header, and our own NPZ.

    Args:
        path: a file, also inside a zip: ``synapse.zip/Session1/session1_subject_18/gesture04_trial01.csv``.
        rate_hz: sampling rate, where the file does not say it.
        unit: ``"uV"``, ``"mV"`` or ``"V"``, where the file does not say it.

    Raises:
        ValueError: there is no such file, it is malformed (the message names line and column), or it contradicts
            ``rate_hz`` or ``unit``.
    """
    path = Path(path)
    return parse(path, read_bytes(path), rate_hz=rate_hz, unit=unit)


def parse(path: PurePath, raw: bytes, *, rate_hz: float | None = None, unit: str | None = None) -> Recording:
    """As ``load``, for a file whose bytes are at hand; ``path`` gives its format and who is in it."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{str(path)!r} is in no format that is known; known are {', '.join(SUFFIXES)}")
    if not raw:
        raise ValueError(f"{str(path)!r} is empty; copy or record it again")
    if suffix == ".npz":
        return npz.parse(path, raw, rate_hz=rate_hz, unit=unit)
    lines = text_lines(raw, str(path))
    if synapse.recognises(path, lines[0]):
        return synapse.parse(path, lines, rate_hz=rate_hz, unit=unit)
    if suffix == ".txt" and is_number(lines[0].split(",")[0]):
        return myo_readings.parse(path, lines, rate_hz=rate_hz, unit=unit)
    return delimited.parse(path, lines, rate_hz=rate_hz, unit=unit)
