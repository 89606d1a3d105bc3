"""HDF5 as it is recorded, readable with ``h5py.File(path)`` at every moment.

| where | what |
|---|---|
| ``/samples`` | rows: ``sample`` int64, ``time``, ``raw`` float64, ``label`` int16, ``emg`` float32 ``(C,)`` |
| ``/names`` | text: what ``label`` points to; empty where not used yet; -1 is unlabelled |
| attributes | ``rate_hz``, ``channels``, ``unit``, ``name``, ``person``, ``session``, ``simulated``, ``task``, ... |

``sample`` is the index in the stream and jumps where samples are missing; ``time`` is when a sample was taken and
``raw`` the stamp before any correction, in seconds.

The library itself cannot do this: a file that it has open for writing refuses to open after a kill, in its SWMR mode
as well, and its chunk index is not written in one step. So h5py makes the file in its oldest format, which has no
checksums, with ``/samples`` as one contiguous block at the very end; rows are then appended with plain writes, and
three numbers are patched, each of which leaves a file that opens: the end of the file (superblock), the bytes of the
block, the number of rows ("HDF5 File Format Specification", II.A, IV.A.2.i and IV.A.2.b).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from devices.formats.writer_file import PAGE, Growing, claim
from devices.formats.writer_layout import About, Change, Stretch

MOST_NAMES = 256
"""Different labels that a file has room for."""

_NAME_BYTES = 240  # LONGEST_LABEL characters of at most four bytes
_SENTINEL = 0x0123456789AB
_END_OF_FILE = 40  # in a superblock of version 0


@dataclass(frozen=True, slots=True)
class _Head:
    """A file without rows, and where it is to be patched."""

    content: bytes
    rows: int
    size: int
    names: int


class Hdf5Layout:
    """See ``devices.formats.writer.Layout``."""

    def __init__(self, path: Path, about: About) -> None:
        claim(path)
        self.path = path
        self.complaint = ""
        self._about = about
        self._row = _row_type(len(about.info.channels))
        self._names = list(dict.fromkeys(_encoded(name) for name in about.names if name))[:MOST_NAMES]
        self._head: _Head | None = None
        self._file: Growing | None = None
        self._label = -1
        self._rows = 0

    def append(self, stretch: Stretch, gap: int, changes: Sequence[Change]) -> None:  # noqa: ARG002 - indices show the gap
        """See ``Layout``."""
        rows = np.empty(len(stretch.samples), self._row)
        rows["sample"] = np.arange(stretch.first, stretch.end)
        rows["time"], rows["raw"], rows["emg"], rows["label"] = (
            stretch.stamps,
            stretch.raw,
            stretch.samples,
            self._label,
        )
        for change in changes:
            self._label = rows["label"][change.first - stretch.first :] = self._number(change.label)
        self._rows += len(rows)
        if self._file is None or self._head is None:
            self._head = _head(self._about, self._row, self._names)
            self._file = self._begin(self._head, rows.tobytes())
            return
        self._file.append(rows.tobytes())
        for place, patch in self._patches(self._head, self._file.length):
            self._file.patch(place, patch)

    def offset(self, at_s: float, offset_s: float) -> None:
        """Not kept: every row has its stamp before and after the correction."""

    def close(self, *, complete: bool) -> None:  # noqa: ARG002 - it is complete at any time
        """See ``Layout``."""
        if self._file is not None:
            self._file.close()

    def _begin(self, head: _Head, rows: bytes) -> Growing:
        content = bytearray(head.content + rows)
        struct.pack_into("<Q", content, head.size - 8, len(head.content))  # where the block begins
        for place, patch in self._patches(head, len(content)):
            content[place : place + len(patch)] = patch
        return Growing(self.path, bytes(content))

    def _patches(self, head: _Head, length: int) -> list[tuple[int, bytes]]:
        """In this order every state between them opens; the rows appear with the last one."""
        return [
            (_END_OF_FILE, struct.pack("<Q", length)),
            (head.size, struct.pack("<Q", self._rows * self._row.itemsize)),
            (head.rows, struct.pack("<QQ", self._rows, self._rows)),
        ]

    def _number(self, label: str) -> int:
        """The number of a label, which gets one with its first use, before any row has it."""
        name = _encoded(label)
        if not name:
            return -1
        if name not in self._names:
            if len(self._names) == MOST_NAMES:
                self.complaint = f"there were more than {MOST_NAMES} different labels; the later ones are not kept"
                return -1
            self._names.append(name)
            if self._file is not None and self._head is not None:
                place = self._head.names + (len(self._names) - 1) * _NAME_BYTES
                self._file.patch(place, name.ljust(_NAME_BYTES, b"\0"))
        return self._names.index(name)


def _encoded(label: str) -> bytes:
    return label.encode()[:_NAME_BYTES]


def _row_type(channels: int) -> np.dtype[np.void]:
    return np.dtype([("sample", "<i8"), ("time", "<f8"), ("raw", "<f8"), ("label", "<i2"), ("emg", "<f4", (channels,))])


def _head(about: About, row: np.dtype[np.void], names: Sequence[bytes]) -> _Head:
    """A file whose patches do not run over the end of a page, where a kill could cut them in two."""
    padding = 0
    while True:
        content, names_place = _empty_file(about, row, names, padding)
        rows = _only(content, struct.pack("<QQ", _SENTINEL, _SENTINEL))
        size = _only(content, struct.pack("<QQ", 2**64 - 1, _SENTINEL * row.itemsize)) + 8
        if all(place // PAGE == (place + 15) // PAGE for place in (rows, size)):
            return _Head(content, rows, size, names_place)
        padding += 16


def _empty_file(about: About, row: np.dtype[np.void], names: Sequence[bytes], padding: int) -> tuple[bytes, int]:
    """The file with a sentinel for the number of its rows, and where its names are."""
    memory = io.BytesIO()
    with h5py.File(memory, "w", libver="earliest") as file:
        file.attrs.update(_attributes(about))
        if padding:
            file.attrs["padding"] = " " * padding
        table = np.zeros(MOST_NAMES, h5py.string_dtype("utf-8", _NAME_BYTES))
        table[: len(names)] = names
        names_place: int = file.create_dataset("names", data=table).id.get_offset()
        as_block = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        as_block.set_layout(h5py.h5d.CONTIGUOUS)
        as_block.set_alloc_time(h5py.h5d.ALLOC_TIME_LATE)
        as_block.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        kind, space = h5py.h5t.py_create(row, logical=True), h5py.h5s.create_simple((_SENTINEL,))
        h5py.h5d.create(file.id, b"samples", kind, space, dcpl=as_block)
    return memory.getvalue(), names_place


def _only(content: bytes, pattern: bytes) -> int:
    """Where it stands, once and no more: the sentinel was chosen so."""
    first, *others = (at for at in range(len(content)) if content.startswith(pattern, at))
    if others:
        raise NotImplementedError(f"h5py {h5py.__version__} lays files out in a way that is not known")
    return first


def _attributes(about: About) -> dict[str, Any]:
    info = about.info
    return {
        "format": "myostream recording 1",
        "name": info.name,
        "rate_hz": info.rate_hz,
        "channels": list(info.channels),
        "unit": info.unit,
        "full_scale_uv": info.full_scale_uv,
        "person": about.person,
        "session": about.session,
        "simulated": about.simulated,
        "task": about.task,
        "began": about.began_text,
        **{f"remark_{key}": value for key, value in about.remarks.items()},
    }
