"""Folders that exist whole or not at all."""

from __future__ import annotations

import os
import shutil
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
    fresh, aside = (path.with_name(f".{path.name}.{os.getpid()}.{what}") for what in ("new", "old"))
    shutil.rmtree(fresh, ignore_errors=True)
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
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    if aside.exists():
        for other in aside.iterdir():
            if other.name not in own:
                other.rename(path / other.name)
        shutil.rmtree(aside)
