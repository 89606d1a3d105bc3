"""A writer in a process of its own, fed through a pipe.

Frames from the parent: a letter, the length of what follows (uint32), then that. ``O`` opens (JSON), ``C`` is a chunk,
``M`` a mark, ``N`` a note, ``T`` a clock offset, ``F`` flushes; the end of the pipe closes, also when the parent was
killed. The process answers in lines of JSON: once it is ready, when something is wrong, and when it is done.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

import devices
from devices.formats.writer import destination
from devices.formats.writer_file import claim
from dsp.flow import Chunk, StreamInfo

PATIENCE_S = 20.0
"""How long the process may take to begin and to finish; it begins in a third of a second where nothing else runs."""

_HEAD = struct.Struct("<cI")
_CHUNK = struct.Struct("<qIIBB")


class Elsewhere:
    """A ``devices.formats.writer.Writer`` in a process of its own; see there for the arguments.

    The process does not hear of Ctrl-C, which is the parent's to answer.

    Raises:
        ValueError: as of ``open_writer``; or the process does not begin.
    """

    def __init__(self, path: Path, info: StreamInfo, **options: Any) -> None:
        self.path, format_ = destination(path, options.pop("format_", None))
        if format_ != "bids":
            claim(self.path)  # so that no process is started for nothing
        self.complaint = ""
        self._closed = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", "devices.recorder.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            **_undisturbed(),
        )
        self._stdin = cast("BinaryIO", self._process.stdin)
        self._stdout = cast("BinaryIO", self._process.stdout)
        given = {"path": str(self.path), "format": format_, "info": _described(info), "options": options}
        self._send(b"O", json.dumps(given).encode())
        self._answer("ready")

    def write(self, chunk: Chunk) -> None:
        """See ``Writer``."""
        self._send(b"C", packed(chunk))

    def mark(self, first: int, label: str) -> None:
        """See ``Writer``."""
        self._send(b"M", struct.pack("<q", first) + label.encode())

    def note(self, first: int, text: str) -> None:
        """See ``Writer``."""
        self._send(b"N", struct.pack("<q", first) + text.encode())

    def offset(self, at_s: float, offset_s: float) -> None:
        """See ``Writer``."""
        self._send(b"T", struct.pack("<dd", at_s, offset_s))

    def flush(self) -> None:
        """See ``Writer``; shows as well whether the process is still there."""
        self._send(b"F", b"")

    def close(self) -> None:
        """Lets the process complete the file and waits for it."""
        if self._closed:
            return
        self._closed = True
        try:
            self._stdin.close()
            self.complaint = self._answer("done")
        finally:
            self._end()

    def _send(self, kind: bytes, content: bytes) -> None:
        try:
            self._stdin.write(_HEAD.pack(kind, len(content)) + content)
            self._stdin.flush()
        except OSError:
            self._answer("")

    def _answer(self, expected: str) -> str:
        """What the process says to this, which it does at once or never.

        Raises:
            ValueError: it says that something is wrong, or nothing.
        """
        alarm = threading.Timer(PATIENCE_S, self._process.kill)
        alarm.start()
        try:
            line = self._stdout.readline()
        finally:
            alarm.cancel()
            alarm.join()
        said: dict[str, str] = json.loads(line) if line.strip() else {}
        if expected in said:
            return said[expected]
        self._closed = True
        self._end()
        raise ValueError(said.get("error") or "the process that writes the recording ended without a word; start again")

    def _end(self) -> None:
        """Waits for the process and lets go of its pipes."""
        with suppress(OSError):  # what it has not read yet cannot be handed over any more
            self._stdin.close()
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stdout.close()


def frames(pipe: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """The frames in a pipe, ``(kind, content)``, up to its end; half a frame at the end is left out."""
    while len(head := pipe.read(_HEAD.size)) == _HEAD.size:
        kind, length = _HEAD.unpack(head)
        content = pipe.read(length)
        if len(content) < length:
            return
        yield kind, content


def packed(chunk: Chunk) -> bytes:
    """A chunk as bytes."""
    rows, channels = chunk.samples.shape
    parts = [np.ascontiguousarray(chunk.samples, "<f4").tobytes()]
    parts += [stamps.astype("<f8").tobytes() for stamps in (chunk.stamps, chunk.raw) if stamps is not None]
    return _CHUNK.pack(chunk.first, rows, channels, chunk.stamps is not None, chunk.raw is not None) + b"".join(parts)


def unpacked(content: bytes) -> Chunk:
    """The reverse of ``packed``."""
    first, rows, channels, has_stamps, has_raw = _CHUNK.unpack_from(content)
    place = _CHUNK.size
    samples = np.frombuffer(content, "<f4", rows * channels, place).reshape(rows, channels)
    place += samples.nbytes
    stamps = np.frombuffer(content, "<f8", rows, place) if has_stamps else None
    place += 8 * rows * has_stamps
    return Chunk(samples, first, stamps, np.frombuffer(content, "<f8", rows, place) if has_raw else None)


def info_of(described: Mapping[str, Any]) -> StreamInfo:
    """The reverse of what is sent of a ``StreamInfo``."""
    return StreamInfo(**{**described, "channels": tuple(described["channels"])})


def _described(info: StreamInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "rate_hz": info.rate_hz,
        "channels": list(info.channels),
        "unit": info.unit,
        "full_scale_uv": info.full_scale_uv,
    }


def _environment() -> dict[str, str]:
    """The rooms that this process runs from, and no threads that nobody needs."""
    root = str(Path(devices.__file__).parents[1])
    inherited = os.environ.get("PYTHONPATH")
    path = root if not inherited else os.pathsep.join((root, inherited))
    return {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}


def _undisturbed() -> dict[str, Any]:
    """Away from the terminal's Ctrl-C."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}
