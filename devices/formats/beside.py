"""Files that belong to a recording and lie in its neighbourhood, on disk or in a zip."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from pathlib import Path

from devices.archive import Tree, read_bytes

Beside = Callable[[str], bytes | None]
"""Reads another file, named relative to the folder of the recording (also ``../name``); None where there is none."""


def nothing_beside(name: str) -> bytes | None:  # noqa: ARG001 - a file alone has no neighbours of any name
    """For a recording whose bytes are all there is."""
    return None


def beside_file(path: Path) -> Beside:
    """Around a file on disk."""

    def read(name: str) -> bytes | None:
        other = path.parent / name
        return read_bytes(other) if other.is_file() else None

    return read


def beside_member(tree: Tree, name: str) -> Beside:
    """Around a file of a tree, which must stay open."""
    known: set[str] = set()

    def read(relative: str) -> bytes | None:
        if not known:
            known.update(tree.names())
        other = posixpath.normpath(posixpath.join(posixpath.dirname(name), relative))
        return tree.read(other) if other in known else None

    return read
