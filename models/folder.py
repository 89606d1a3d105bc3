"""Folders that exist whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path, own: Collection[str]) -> Iterator[Path]:
    """Yields a temporary neighbour that becomes the folder ``path`` when the block ends without an error.

    A folder that is there already is moved aside, replaced and deleted; until then it is whole. What else somebody
    has put into it (a model card, pictures) moves into the new one. After an error nothing has changed.

    Args:
        path: of the folder; those above it are made where they are missing.
        own: names of the files that the block writes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two containers that share a disk may share a process id as well.
    own_room = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name[:100]}-"))
    fresh, aside = own_room / "new", own_room / "old"
    fresh.mkdir()
    try:
        yield fresh
        if path.exists():
            path.rename(aside)
        try:
            fresh.rename(path)
        except BaseException:
            if aside.exists():
                aside.rename(path)
            raise
        if aside.exists():
            for other in aside.iterdir():
                if other.name not in own:
                    other.rename(path / other.name)
    finally:
        shutil.rmtree(own_room, ignore_errors=True)
