"""Bytes from a folder, from a zip, and by a path that runs through a zip."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

_MOST_FILES = 200_000
"""The largest data set that is known has a tenth of it; a whole disk would keep its reader waiting."""

_LARGE = 64 * 2**20
_STEEPEST = 200
"""A member that unpacks to more than ``_LARGE`` bytes and ``_STEEPEST`` times its packed size is no measurement:
noise does not shrink so."""

# What zipfile raises on damaged archives, its own parsing included.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


class Tree(Protocol):
    """The files below a folder, on disk or in a zip."""

    root: Path

    def names(self) -> list[str]:
        """Every file's path below the root with forward slashes, sorted; hidden files and system litter left out."""

    def read(self, name: str) -> bytes:
        """The whole file.

        Raises:
            ValueError: it cannot be read.
        """

    def close(self) -> None:
        """Closes the archive, if it is one; safe to call twice."""


class Folder:
    """A folder on disk."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> list[str]:
        """See ``Tree``.

        Raises:
            ValueError: there are more than ``_MOST_FILES``.
        """
        found: list[str] = []
        for folder, _, files in os.walk(self.root):
            below = Path(folder).relative_to(self.root)
            found += [(below / file).as_posix() for file in files]
            if len(found) > _MOST_FILES:
                raise ValueError(
                    f"{str(self.root)!r} holds more than {_MOST_FILES} files; name the folder of the data set"
                )
        return sorted(name for name in found if not _litter(name))

    def read(self, name: str) -> bytes:
        """See ``Tree``."""
        return _read_file(self.root / name)

    def close(self) -> None:
        """Nothing is held open."""


class Archive:
    """A folder inside a zip: ``prefix`` within the file, all of it where that is empty.

    Raises:
        ValueError: the zip is broken.
    """

    def __init__(self, path: Path, prefix: str = "") -> None:
        self._path = path
        self._prefix = f"{prefix}/" if prefix else ""
        self.root = path / prefix
        self._zip = open_zip(path, str(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def names(self) -> list[str]:
        """See ``Tree``."""
        start = len(self._prefix)
        names = [name[start:] for name in self._zip.namelist() if name.startswith(self._prefix) and name[-1:] != "/"]
        return sorted(name for name in set(names) if not _litter(name))

    def read(self, name: str) -> bytes:
        """See ``Tree``."""
        try:
            member = self._zip.getinfo(self._prefix + name)
        except KeyError:
            if any(other.startswith(f"{name}/") for other in self.names()):
                raise ValueError(f"{str(self.root / name)!r} is a folder; name one recording in it") from None
            raise ValueError(f"there is no {self._prefix + name!r} in {str(self._path)!r}{self._example()}") from None
        return unpack(self._zip, member, str(self.root / name))

    def close(self) -> None:
        """See ``Tree``."""
        self._zip.close()

    def _example(self) -> str:
        names = self.names()
        return f"; it holds {len(names)} files, for example {names[0]!r}" if names else "; it holds no files"


def open_zip(file: Path | BinaryIO, where: str) -> zipfile.ZipFile:
    """Opens a zip for reading.

    Raises:
        ValueError: it is none, or broken; ``where`` names it.
    """
    try:
        return zipfile.ZipFile(file)
    except _BROKEN as error:
        raise ValueError(f"{where!r} is not a zip that can be read: {_reason(error)}") from None


def unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, where: str) -> bytes:
    """One member of a zip, whole.

    Raises:
        ValueError: it is a folder, damaged, encrypted, or unpacks to something that no recording is; ``where``
            names it.
    """
    if member.is_dir():
        raise ValueError(f"{where!r} is a folder, not a file")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{where!r} is packed in an unusual way; pack the zip again with the usual method, deflate")
    if member.file_size > _LARGE and member.file_size > _STEEPEST * member.compress_size:
        raise ValueError(
            f"{where!r} would unpack from {member.compress_size} to {member.file_size} bytes; no recording shrinks "
            f"so far, so it is not opened"
        )
    try:
        return archive.read(member)
    except _BROKEN as error:
        raise ValueError(f"{where!r} is damaged in its archive: {_reason(error)}") from None


def locate(path: Path) -> tuple[Path, str]:
    """Splits a path that runs through a zip.

    Returns:
        What exists on disk, and the path inside it ("" where the path itself exists).

    Raises:
        ValueError: there is nothing at that path.
    """
    if path.exists():
        return path, ""
    for parent in path.parents:
        if parent.is_file():
            inner = path.relative_to(parent).as_posix()
            if parent.suffix.lower() == ".zip":
                return parent, inner
            raise ValueError(f"there is no {str(path)!r}: {str(parent)!r} is a file, not a folder or zip")
        if parent.exists():
            break
    raise ValueError(
        f"there is no {str(path)!r}; check the path{'' if path.is_absolute() else f' from {Path.cwd()} on'}"
    )


def open_tree(path: Path) -> Tree:
    """A folder, a zip, or a folder inside a zip.

    Raises:
        ValueError: there is nothing at that path, it is another kind of file, or the zip is broken.
    """
    place, inner = locate(path.resolve())
    if place.is_dir():
        return Folder(place)
    if place.suffix.lower() == ".zip":
        return Archive(place, inner)
    raise ValueError(f"{str(path)!r} is a single file; a data set is a folder or a .zip")


def read_bytes(path: Path) -> bytes:
    """The whole file at ``path``, which may run through a zip.

    Raises:
        ValueError: there is none, it is a folder or a zip, or it cannot be read.
    """
    place, inner = locate(path)
    if inner:
        with Archive(place) as archive:
            return archive.read(inner)
    if place.is_dir():
        raise ValueError(f"{str(path)!r} is a folder; name one recording in it")
    if place.suffix.lower() == ".zip":
        with Archive(place) as archive:
            example = next(iter(archive.names()), "FILE")
        raise ValueError(f"{str(path)!r} is a zip; name one recording in it, for example {str(path / example)!r}")
    if not place.is_file():
        raise ValueError(f"{str(path)!r} is not an ordinary file")
    return _read_file(place)


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{str(path)!r} cannot be read: {_reason(error)}") from None


def _litter(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _reason(error: BaseException) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
