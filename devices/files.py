"""Recordings from files of every known format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath

from devices.archive import locate, open_tree, read_bytes
from devices.formats import (
    bdf,
    bids,
    delimited,
    grabmyo,
    hdf5,
    hht,
    myo_readings,
    ninapro,
    npz,
    putemg,
    synapse,
    xdf,
)
from devices.formats.beside import Beside, beside_file, beside_member, nothing_beside
from devices.formats.npz import save_npz
from devices.formats.tabular import is_number, text_lines
from devices.recording import Recording

__all__ = ["SUFFIXES", "load", "parse", "save_npz"]

_BINARY: dict[str, Callable[..., Recording]] = {
    ".npz": npz.parse,
    ".bdf": bdf.parse,
    ".edf": bdf.parse,
    ".h5": hdf5.parse,
    ".hdf5": hdf5.parse,
    ".mat": ninapro.parse,
    ".parquet": putemg.parse_parquet,
}
SUFFIXES = (".csv", ".tsv", ".txt", ".xdf", ".hea", ".dat", *_BINARY)


def load(path: str | Path, *, rate_hz: float | None = None, unit: str | None = None) -> Recording:
    """Reads one recording.

    Known are, each in its module of ``devices.formats`` and told apart by name and content: what ``devices record``
    writes (XDF, BDF+, CSV, HDF5, EMG-BIDS) and our own NPZ; XDF, BDF and EDF of others; tables with a header; trials
    of the Synapse challenge, Myo readings, Ninapro, putEMG and GRABMyo; Hilbert-Huang matrices.

    Args:
        path: a file, also inside a zip: ``synapse.zip/Session1/session1_subject_18/gesture04_trial01.csv``; a folder
            or zip that holds a single EMG-BIDS recording; or a stream of several in an XDF file:
            ``both.xdf/left arm``.
        rate_hz: sampling rate, where the file does not say it.
        unit: ``"uV"``, ``"mV"`` or ``"V"``, where the file does not say it.

    Raises:
        ValueError: there is no such file, it is malformed (the message names line and column), or it contradicts
            ``rate_hz`` or ``unit``.
    """
    path, stream = _stream(Path(path))
    path = _only_bids(path)
    with _beside(path) as beside:
        return parse(path, read_bytes(path), rate_hz=rate_hz, unit=unit, beside=beside, stream=stream)


def parse(
    path: PurePath,
    raw: bytes,
    *,
    rate_hz: float | None = None,
    unit: str | None = None,
    beside: Beside = nothing_beside,
    stream: str = "",
) -> Recording:
    """As ``load``, for a file whose bytes are at hand; ``path`` gives its format and who is in it.

    Args:
        path: see above.
        raw: the bytes.
        rate_hz: see ``load``.
        unit: see ``load``.
        beside: reads what belongs to it and lies beside it.
        stream: of an XDF file with several.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{str(path)!r} is in no format that is known; known are {', '.join(SUFFIXES)}")
    if not raw:
        raise ValueError(f"{str(path)!r} is empty; copy or record it again")
    if bids.recognises(path):
        return bids.parse(path, raw, rate_hz=rate_hz, unit=unit, beside=beside)
    if hht.recognises(path):
        return hht.parse(path, raw, rate_hz=rate_hz, unit=unit)
    if suffix in _BINARY:
        return _BINARY[suffix](path, raw, rate_hz=rate_hz, unit=unit)
    if suffix == ".xdf":
        return xdf.parse(path, raw, rate_hz=rate_hz, unit=unit, stream=stream)
    if suffix in {".hea", ".dat"}:
        return grabmyo.parse(path, raw, rate_hz=rate_hz, unit=unit, beside=beside)
    return _text(path, raw, rate_hz, unit)


def _text(path: PurePath, raw: bytes, rate_hz: float | None, unit: str | None) -> Recording:
    lines = text_lines(raw, str(path))
    if synapse.recognises(path, lines[0]):
        return synapse.parse(path, lines, rate_hz=rate_hz, unit=unit)
    if path.suffix.lower() == ".txt" and is_number(lines[0].split(",")[0]):
        return myo_readings.parse(path, lines, rate_hz=rate_hz, unit=unit)
    return delimited.parse(path, lines, rate_hz=rate_hz, unit=unit, cut=not raw.endswith((b"\n", b"\r")))


def _stream(path: Path) -> tuple[Path, str]:
    """Splits a path that goes on behind an XDF file with the name of a stream."""
    for parent in path.parents:
        if parent.suffix.lower() == ".xdf" and not parent.is_dir():
            return parent, path.relative_to(parent).as_posix()
    return path, ""


def _only_bids(path: Path) -> Path:
    """The one recording in a folder of EMG-BIDS; any other path as it is.

    Raises:
        ValueError: there are several.
    """
    if path.suffix.lower() in SUFFIXES and not path.is_dir():
        return path
    place, _ = locate(path)
    if not place.is_dir() and place.suffix.lower() != ".zip":
        return path
    tree = open_tree(path)
    try:
        found = bids.recordings(tree.names())
    finally:
        tree.close()
    if len(found) > 1:
        shown = ", ".join(map(repr, found[:6])) + (f" and {len(found) - 6} more" if len(found) > 6 else "")
        raise ValueError(f"{str(path)!r} holds {len(found)} recordings; name one of them behind it: {shown}")
    return path / found[0] if found else path


@contextmanager
def _beside(path: Path) -> Iterator[Beside]:
    """Reads files around one on disk or in a zip."""
    place, inner = locate(path)
    if not inner:
        yield beside_file(path)
        return
    tree = open_tree(place)
    try:
        yield beside_member(tree, inner)
    finally:
        tree.close()
