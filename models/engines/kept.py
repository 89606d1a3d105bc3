"""Networks in a form that engines read, kept beside their checkpoint and checked before use.

A folder ``engines/KIND`` in the checkpoint's, or in the user's cache where that cannot be written: one ONNX file for
each member, and ``engine.json``, which says of which parameters they were made. Whoever finds another checkpoint's, or
a damaged one, treats it as absent.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dsp import storage
from dsp.caching import cache_folder
from models import folder, stored
from models.listing import Listing
from models.registry import FAMILIES

FORMAT = "myostream-engine/1"
FOLDER = "engines"
ABOUT = "engine.json"
KEYS = ("format", "kind", "source", "sha256", "provenance")

FLOAT32, INT8 = "fp32", "int8"
"""Kinds: the network as it was trained, and rounded to eight bits."""


class Kept:
    """Files of one kind, whole and of the right checkpoint.

    Attributes:
        folder: where they are.
        files: one for each member.
        provenance: how they were made; of ``int8`` also how it was verified.
    """

    def __init__(self, place: Path, files: Sequence[Path], provenance: Mapping[str, Any]) -> None:
        self.folder, self.files, self.provenance = place, tuple(files), provenance


def find(listing: Listing, kind: str) -> Kept | None:
    """What is kept of a checkpoint, or None where that is nothing, damaged, or made of other parameters."""
    return next(every(listing, kind), None)


def every(listing: Listing, kind: str) -> Iterator[Kept]:
    """All that is kept of a checkpoint: at most one beside it and one in the user's cache."""
    for place in _places(listing, kind):
        try:
            about = stored.read_card(place / ABOUT, FORMAT, KEYS)
            files = [place / f"{number}.onnx" for number in range(len(listing.cards))]
            digests = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
        except (OSError, ValueError):
            continue
        if (about["kind"], about["source"], about["sha256"]) == (kind, listing.source, digests):
            yield Kept(place, files, about["provenance"])


def there(listing: Listing, kind: str) -> bool:
    """Whether anything of a kind is kept, of use or not; looks at names only."""
    return any(place.exists() for place in _places(listing, kind))


def remnant(listing: Listing, kind: str) -> Path | None:
    """Where something of a kind is kept that cannot be used: damaged, or made of other parameters; None for nowhere."""
    usable = {found.folder for found in every(listing, kind)}
    return next((place for place in _places(listing, kind) if place.exists() and place not in usable), None)


def keep(listing: Listing, kind: str, contents: Sequence[bytes], provenance: Mapping[str, Any]) -> Path:
    """Writes the files of one kind, whole or not at all, beside the checkpoint or else in the user's cache.

    Args:
        listing: of the checkpoint.
        kind: ``FLOAT32`` or ``INT8``.
        contents: of the ONNX file of each member.
        provenance: how they were made.

    Returns:
        The folder.

    Raises:
        OSError: neither place can be written; of the first.
    """
    files = {f"{number}.onnx": content for number, content in enumerate(contents)}
    about = {
        "format": FORMAT,
        "kind": kind,
        "source": listing.source,
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        "provenance": dict(provenance),
    }
    files[ABOUT] = stored.json_bytes(about)
    failed: OSError | None = None
    for place in _places(listing, kind):
        try:
            with folder.replacing(place, list(files)) as fresh:
                for name, content in files.items():
                    storage.write(fresh / name, content)
        except OSError as error:
            failed = failed or error  # of the place beside the checkpoint, which people know
        else:
            return place
    assert failed is not None  # noqa: S101 - there is always a place to be tried
    raise failed


def exported(listing: Listing) -> Kept:
    """The float32 files, made now if they are not there.

    They are made in a process of its own, so that this one has neither to load PyTorch nor to keep its memory.

    Raises:
        ValueError: they cannot be made; says why.
    """
    found = find(listing, FLOAT32)
    if found is not None:
        return found
    if strange := bound_to_pytorch(listing):
        raise ValueError(f"{strange} runs in PyTorch only; use --engine torch")
    command = [sys.executable, "-m", "models.engines.export", str(listing.root.resolve())]
    # From where the package lies: a folder called models in the user's own place is another one.
    home = Path(__file__).resolve().parents[2]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=home)  # noqa: S603 - our own module
    found = find(listing, FLOAT32)
    if found is None:
        said = ended.stderr.strip().splitlines() or [f"it ended with status {ended.returncode} and says nothing"]
        raise ValueError(
            f"{listing.root} could not be exported for ONNX Runtime ({said[-1].removeprefix('error: ')}); "
            "use --engine torch"
        )
    return found


def bound_to_pytorch(listing: Listing) -> str:
    """A member whose family cannot be written down for other engines, in words; "" where there is none."""
    for card in listing.cards:
        family = FAMILIES.get(card.family)
        if family is not None and not family.portable:
            return f"{card.name!r}, of the family {card.family!r},"
    return ""


def _places(listing: Listing, kind: str) -> Iterator[Path]:
    yield listing.root / FOLDER / kind
    try:
        cache = cache_folder()
    except ValueError:  # who has no home keeps nothing there
        return
    yield cache / FOLDER / listing.source / kind
