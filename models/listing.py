"""An ensemble as a list: a folder of checkpoints with ``ensemble.json``, their names and the weights of their votes.

Read without building a network and without PyTorch; ``models.ensemble`` loads the networks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from models import stored
from models.card import CARD, ENSEMBLE, WEIGHTS, Card, read_card
from models.reading import WHOLE, joint

FORMAT = "myostream-ensemble/1"
KEYS = ("format", "members", "provenance")

HEAVIEST = 1e6
"""Of weights, whose sum divides them."""

RUN = "checkpoint"
"""Where a training run keeps its checkpoint."""


class Place(NamedTuple):
    """Where one member of an ensemble is, what it is called, and the weight of its vote."""

    path: Path
    name: str
    weight: float


@dataclass(frozen=True, slots=True)
class Listing:
    """The cards of an ensemble, which agree in labels and share their filters; or of one checkpoint.

    Attributes:
        root: the folder of the whole.
        cards: one for each member, in their order.
        provenance: of the whole.
    """

    root: Path
    cards: tuple[Card, ...]
    provenance: Mapping[str, Any]

    @property
    def weights(self) -> tuple[float, ...]:
        """Of the members' votes; they sum to 1."""
        return tuple(card.weight for card in self.cards)

    @property
    def source(self) -> str:
        """Sixteen hex digits that change with any member's parameters, architecture or window, and with their order."""
        facts = [
            [card.family, card.config, card.design.spec.window, card.design.spec.channels, card.sha256.get(WEIGHTS)]
            + ([] if card.reading == WHOLE else [card.reading])  # forms of those that read all keep their digest
            for card in self.cards
        ]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def vote(self) -> str:
        """Sixteen hex digits that change with the members' weights, their views, and the signal processing."""
        facts = [
            [f"{card.weight:.6f}", card.views.to_json(), card.labels, card.design.fingerprint] for card in self.cards
        ]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]

    def every(self, hop_ms: float) -> Listing:
        """The same with another distance between windows: the nearest whole number of samples.

        Raises:
            ValueError: that is not even one.
        """
        rate_hz = self.cards[0].design.spec.rate_hz
        samples = round(hop_ms * rate_hz / 1e3)
        if samples < 1:
            raise ValueError(f"a hop of {hop_ms:g} ms is less than one sample at {rate_hz:g} Hz; give more")
        hop_ms = samples * 1e3 / rate_hz

        def changed(card: Card) -> Card:
            spec = replace(card.design.spec, hop_ms=hop_ms)
            return replace(card, design=replace(card.design, spec=spec))

        return replace(self, cards=tuple(changed(card) for card in self.cards))


def checkpoint_in(path: str | Path) -> Path:
    """The checkpoint that a path means: the folder itself, or the one inside the folder of a training run."""
    root = Path(path)
    usable = any((root / name).exists() for name in (CARD, ENSEMBLE))
    return root / RUN if not usable and (root / RUN).is_dir() else root


def read_listing(path: str | Path) -> Listing:
    """The cards of an ensemble folder; or of a checkpoint folder, or that of a training run, as a list of one.

    Raises:
        ValueError: the list or a card is damaged, a member lies outside the folder, or the members do not agree in
            labels and filters; one sentence that says what and where.
    """
    root = checkpoint_in(path)
    if not (root / ENSEMBLE).is_file():
        card = _card(Place(root, root.resolve().name, 1.0))
        return Listing(root, (card,), card.provenance)
    try:
        listed = stored.read_card(root / ENSEMBLE, FORMAT, KEYS)
        if (root / CARD).exists():
            raise ValueError(f"it holds both {ENSEMBLE} and {CARD}; remove the one that does not belong")
        return listing_of(root, listed["members"], listed["provenance"])
    except ValueError as error:
        raise ValueError(f"the ensemble {root} cannot be used: {error}") from error


def listing_of(root: Path, members: object, provenance: Mapping[str, Any]) -> Listing:
    """The cards of the members that are listed, with weights that sum to 1.

    Args:
        root: the folder of the ensemble.
        members: a list of ``{"path": name of a subfolder, "weight": above zero}``.
        provenance: of the whole.

    Raises:
        ValueError: as ``read_listing``, without the path of the ensemble.
    """
    places = _places(root, members)
    total = sum(place.weight for place in places)
    cards = [_card(place._replace(weight=place.weight / total)) for place in places]
    return Listing(root, _joined(cards), provenance)


def _card(place: Place) -> Card:
    try:
        return replace(read_card(place.path), name=place.name, weight=place.weight)
    except ValueError as error:
        raise ValueError(f"the checkpoint {place.path} cannot be used: {error}") from error


def _places(root: Path, listed: object) -> list[Place]:
    """The members of a list, with the weights as they stand there.

    Raises:
        ValueError: the list is no list of members, or one of them lies outside the folder.
    """
    if not isinstance(listed, list) or not listed:
        raise ValueError("members must be a list of at least one {path, weight}")
    found: list[Place] = []
    for entry in listed:
        name, weight = _entry(entry)
        if name in [place.name for place in found]:
            raise ValueError(f"the member {name!r} is listed twice")
        found.append(Place(_inside(root, name), name, weight))
    return found


def _joined(cards: Sequence[Card]) -> tuple[Card, ...]:
    """The members behind one signal processing, each with what it reads of the windows.

    Raises:
        ValueError: labels or filters differ.
    """
    first = cards[0]
    for other in cards[1:]:
        if first.labels != other.labels:
            raise ValueError(
                f"{first.name!r} tells {', '.join(map(str, first.labels))} apart, but {other.name!r} "
                f"{', '.join(map(str, other.labels))}; members must share their labels"
            )
        try:
            joint([first.design, other.design])
        except ValueError as error:
            raise ValueError(
                f"{first.name!r} and {other.name!r} were trained behind unlike filters ({error}); members may differ "
                "in their windows and scales, but must share their filters"
            ) from error
    design, readings = joint([card.design for card in cards])
    return tuple(replace(card, design=design, reading=reading) for card, reading in zip(cards, readings, strict=True))


def _entry(entry: object) -> tuple[str, float]:
    if not isinstance(entry, dict) or set(entry) != {"path", "weight"}:
        raise ValueError(f"the member {entry!r} must have the keys path and weight, and no other")
    name, weight = entry["path"], entry["weight"]
    if not isinstance(name, str):
        raise ValueError(f"the path {name!r} of a member must be the name of a subfolder")
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight <= HEAVIEST:
        raise ValueError(
            f"the weight of the member {name!r} is {weight!r}; it must be a number above zero, {HEAVIEST:g} at most"
        )
    return name, float(weight)


def _inside(root: Path, name: str) -> Path:
    """The member's folder; nothing outside the ensemble's is ever read."""
    home, target = root.resolve(), (root / name).resolve()
    if Path(name).is_absolute() or "\\" in name or target == home or not target.is_relative_to(home):
        raise ValueError(f"the member {name!r} lies outside the ensemble's folder; only subfolders can be members")
    return root / name
