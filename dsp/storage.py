"""Files that exist whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Gives a temporary neighbour of ``path`` to write to, and renames it when the block ends well.

    Where the block fails, what stood at ``path`` still stands there. The neighbour keeps the suffix, since some
    writers choose a format by it. Folders above are made where they are missing.

    Args:
        path: of the file.

    Raises:
        OSError: the disk is full, or the folder cannot be written into; names ``path``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem[:100]}-", suffix=path.suffix[-100:])
    os.close(handle)
    neighbour = Path(name)
    try:
        yield neighbour
        neighbour.chmod(0o666 & ~_umask())
        _to_disk(neighbour)
        neighbour.replace(path)
    except OSError as error:
        if error.filename not in (None, name):
            raise
        raise type(error)(error.errno, error.strerror, str(path)) from None  # of the neighbour nobody knows
    finally:
        neighbour.unlink(missing_ok=True)


def write(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all."""
    with whole(path) as neighbour:
        neighbour.write_bytes(content)


def check_writable(folder: Path) -> None:
    """Refuses a folder that could not be made or written, before the work that is to end in it.

    Raises:
        ValueError: something on the way to it is a file, or may not be written; names it.
    """
    above = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not above.is_dir():
        raise ValueError(f"{folder} cannot be a folder, since {above} is a file; choose another one")
    if not os.access(above, os.W_OK | os.X_OK):
        raise ValueError(f"{folder} cannot be written, since {above} is not yours to write; choose another one")


def write_json(path: Path, value: Any) -> None:
    """Writes ``value`` as indented JSON, whole or not at all."""
    with whole(path) as neighbour:
        neighbour.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _to_disk(path: Path) -> None:
    """Else a name may survive a power cut that its content does not."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
