"""Files that grow while they are recorded and are never anything but readable.

A file appears under its name together with its first samples, in one step; after that it only gets longer, except for a
few bytes patched in place. What is written has left the process, so that ``kill -9`` cannot take it back.
"""

from __future__ import annotations

import errno
import os
import tempfile
from contextlib import suppress
from pathlib import Path

PAGE = 4096
"""Bytes. A kill can cut a write in two only where a page of the file ends, and every system's are multiples of it."""


def claim(path: Path) -> None:
    """Complains before the recording begins of what would make it fail at its first sample.

    Raises:
        ValueError: the path exists, or its folder can neither be written into nor made.
    """
    if os.path.lexists(path):
        raise ValueError(f"there already is a {str(path)!r}, and a recording never overwrites; choose another name")
    folder = next(parent for parent in path.absolute().parents if os.path.lexists(parent))
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ValueError(
            f"nothing can be written into {str(folder)!r}: {error.strerror}; choose another folder for {path.name!r}"
        ) from None


def write_whole(path: Path, content: bytes, *, over: bool = False) -> None:
    """Writes a file through a temporary neighbour, so that it is there whole or not at all; makes its folder.

    Args:
        path: the file.
        content: of it.
        over: replace one that exists.

    Raises:
        FileExistsError: it exists, and ``over`` is False.
        OSError: the disk is full, or the folder cannot be written into.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    neighbour = path.with_name(f".{os.getpid()}-{path.name[-100:]}.tmp")
    try:
        neighbour.write_bytes(content)
        if over:
            neighbour.replace(path)
        else:
            _publish(neighbour, path)
    finally:
        neighbour.unlink(missing_ok=True)


def _publish(neighbour: Path, path: Path) -> None:
    """Gives a file its name, which must be free."""
    try:
        os.link(neighbour, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links, such as a memory stick's
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        neighbour.rename(path)


class Growing:
    """A file that is made with its first bytes and gets longer; unbuffered.

    Args:
        path: of the file, which must not exist.
        content: its first bytes; a reader must be able to read them.

    Attributes:
        length: of the file in bytes.

    Raises:
        ValueError: the file exists.
        OSError: the disk is full, or the folder cannot be written into.
    """

    def __init__(self, path: Path, content: bytes) -> None:
        try:
            write_whole(path, content)
        except FileExistsError:
            raise ValueError(
                f"somebody else made {str(path)!r} meanwhile, and a recording never overwrites; choose another name"
            ) from None
        self._file = path.open("r+b", buffering=0)
        self.length = len(content)

    def append(self, content: bytes | bytearray) -> None:
        """Writes at the end; the bytes are with the operating system when this returns."""
        try:
            self._put(self.length, content)
        except OSError:
            with suppress(OSError):
                self._file.truncate(self.length)  # what a full disk has taken of it is of no use
            raise
        self.length += len(content)

    def patch(self, place: int, content: bytes) -> None:
        """Writes over bytes that are there already."""
        self._put(place, content)

    def close(self) -> None:
        """Waits until the disk has everything; safe to call twice."""
        if not self._file.closed:
            try:
                os.fsync(self._file.fileno())
            finally:
                self._file.close()

    def _put(self, place: int, content: bytes | bytearray) -> None:
        self._file.seek(place)
        rest = memoryview(content)
        while rest:
            rest = rest[self._file.write(rest) :]
