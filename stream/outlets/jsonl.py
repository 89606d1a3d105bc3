"""``jsonl:PATH``: a new file with a line of JSON for everything that is sent."""

from __future__ import annotations

import os
from pathlib import Path

from dsp.complaints import one_sentence
from stream.outlets.outlet import Outlet, Spoken, Stream


def check(spec: str) -> None:
    """Refuses a path where no new file can be.

    Raises:
        ValueError: something is there already, or there is no folder for it.
    """
    where = _path(spec)
    if os.path.lexists(where):
        raise _taken(where)
    if not where.absolute().parent.is_dir():
        raise ValueError(f"there is no folder for '{where}'; make it, or choose another path")


def open_outlet(spec: str, stream: Stream) -> Outlet:
    """Makes the file.

    Raises:
        ValueError: something is there already.
    """
    path = _path(spec)
    try:
        file = path.open("x", encoding="utf-8")
    except FileExistsError:
        raise _taken(path) from None

    def write(line: str) -> None:
        try:
            file.write(line + "\n")
            file.flush()
        except OSError as error:
            raise ValueError(
                f"'{path}' takes no more decisions ({one_sentence(error)}); those before are in it"
            ) from None

    return Spoken(stream, write, file.close)


def _path(spec: str) -> Path:
    return Path(spec.removeprefix("jsonl:"))


def _taken(path: Path) -> ValueError:
    return ValueError(f"'{path}' is there already and is not overwritten; choose another name")
