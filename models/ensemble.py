"""Ensembles: a folder of checkpoints with ``ensemble.json``, loaded and saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from dsp import storage
from models import stored
from models.card import CARD, ENSEMBLE, Card
from models.checkpoint import Member, load_member
from models.listing import FORMAT, listing_of, read_listing


class Ensemble(NamedTuple):
    """Loaded members, which agree in labels and share their filters, and the provenance of the whole."""

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
    listed = [{"path": name, "weight": float(weight)} for name, weight in members]
    said = dict(provenance or {})
    for card in listing_of(root, listed, said).cards:
        load_member(card.path)
    storage.write(root / ENSEMBLE, stored.json_bytes({"format": FORMAT, "members": listed, "provenance": said}))


def load_ensemble(path: str | Path) -> Ensemble:
    """Reads an ensemble folder; or a checkpoint folder, or that of a training run, as an ensemble of one.

    Raises:
        ValueError: as ``models.listing.read_listing``, or a member's network cannot be loaded.
    """
    listing = read_listing(path)
    return Ensemble(tuple(_member(card) for card in listing.cards), listing.provenance)


def _member(card: Card) -> Member:
    """A member as it takes part: behind the signal processing of the whole."""
    member = load_member(card.path, card.weight)
    checkpoint = replace(member.checkpoint, design=card.design)
    return member._replace(name=card.name, checkpoint=checkpoint, golden=card.golden(), reading=card.reading)
