"""Ensembles: a folder of checkpoints with ``ensemble.json``, the list of its members and their weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from models import folder, stored
from models.checkpoint import CARD, ENSEMBLE, Member, load_member

FORMAT = "myostream-ensemble/1"
KEYS = ("format", "members", "provenance")


RUN = "checkpoint"
"""Where a training run keeps its checkpoint."""


def checkpoint_in(path: str | Path) -> Path:
    """The checkpoint that a path means: the folder itself, or the one inside the folder of a training run."""
    root = Path(path)
    usable = any((root / name).exists() for name in (CARD, ENSEMBLE))
    return root / RUN if not usable and (root / RUN).is_dir() else root


class Ensemble(NamedTuple):
    """Loaded members, which agree in labels and signal processing, and the provenance of the whole."""

    members: tuple[Member, ...]
    provenance: Mapping[str, Any]


def save_ensemble(
    path: str | Path, members: Sequence[tuple[str, float]], provenance: Mapping[str, Any] | None = None
) -> None:
    """Makes the folder ``path``, in which the members are already saved, an ensemble.

    Args:
        path: of the folder.
        members: name of a subfolder and its weight, above zero; the weights need not sum to 1.
        provenance: anything that JSON can hold.

    Raises:
        ValueError: a member cannot be loaded, or they do not fit one another.
    """
    root = Path(path)
    if (root / CARD).exists():
        raise ValueError(f"{root} is a checkpoint itself; make the ensemble in a folder above its members")
    card = {
        "format": FORMAT,
        "members": [{"path": name, "weight": float(weight)} for name, weight in members],
        "provenance": dict(provenance or {}),
    }
    _load_members(root, card)
    folder.write(root / ENSEMBLE, stored.json_bytes(card))


def load_ensemble(path: str | Path) -> Ensemble:
    """Reads an ensemble folder; or a checkpoint folder, or that of a training run, as an ensemble of one.

    Raises:
        ValueError: as ``load``; or the members do not agree in labels and signal processing, a weight is not above
            zero, or a member lies outside the folder.
    """
    root = checkpoint_in(path)
    if not (root / ENSEMBLE).is_file():
        member = load_member(root)
        return Ensemble((member,), member.checkpoint.provenance)
    try:
        card = stored.read_card(root / ENSEMBLE, FORMAT, KEYS)
        if (root / CARD).exists():
            raise ValueError(f"it holds both {ENSEMBLE} and {CARD}; remove the one that does not belong")
        return Ensemble(tuple(_load_members(root, card)), card["provenance"])
    except ValueError as error:
        raise ValueError(f"the ensemble {root} cannot be used: {error}") from error


def _load_members(root: Path, card: Mapping[str, Any]) -> list[Member]:
    listed = card["members"]
    if not isinstance(listed, list) or not listed:
        raise ValueError("members must be a list of at least one {path, weight}")
    loaded: list[Member] = []
    for entry in listed:
        name, weight = _entry(entry)
        if name in [member.name for member in loaded]:
            raise ValueError(f"the member {name!r} is listed twice")
        loaded.append(load_member(_inside(root, name), weight)._replace(name=name))
    first = loaded[0]
    for other in loaded[1:]:
        _check_agree(first, other)
    total = sum(member.weight for member in loaded)
    return [member._replace(weight=member.weight / total) for member in loaded]


def _entry(entry: object) -> tuple[str, float]:
    if not isinstance(entry, dict) or set(entry) != {"path", "weight"}:
        raise ValueError(f"the member {entry!r} must have the keys path and weight, and no other")
    name, weight = entry["path"], entry["weight"]
    if not isinstance(name, str):
        raise ValueError(f"the path {name!r} of a member must be the name of a subfolder")
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < math.inf:
        raise ValueError(f"the weight of the member {name!r} is {weight!r}; it must be a number above zero")
    return name, float(weight)


def _inside(root: Path, name: str) -> Path:
    """The member's folder; nothing outside the ensemble's is ever read."""
    home, target = root.resolve(), (root / name).resolve()
    if Path(name).is_absolute() or "\\" in name or target == home or not target.is_relative_to(home):
        raise ValueError(f"the member {name!r} lies outside the ensemble's folder; only subfolders can be members")
    return root / name


def _check_agree(one: Member, other: Member) -> None:
    if one.checkpoint.labels != other.checkpoint.labels:
        raise ValueError(
            f"{one.name!r} tells {', '.join(one.checkpoint.labels)} apart, but {other.name!r} "
            f"{', '.join(other.checkpoint.labels)}; members must share their labels"
        )
    prints = one.checkpoint.design.fingerprint, other.checkpoint.design.fingerprint
    if prints[0] != prints[1]:
        raise ValueError(
            f"{one.name!r} was trained behind the signal processing {prints[0]}, but {other.name!r} behind "
            f"{prints[1]}; members must share their dsp spec"
        )
