"""The files in which a checkpoint keeps what wearers are like, and what is known of one of them.

``wearers.json``  labels, signal processing, where it is from, and of a calibrated checkpoint how it was calibrated;
``wearers.safetensors``  the numbers of ``models.population``, and of a calibrated checkpoint the repetitions it was
shown. They stand beside ``model.json`` or ``ensemble.json``. A checkpoint without them can neither adapt nor be
calibrated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save as tensor_bytes

from dsp import storage
from models import stored
from models.adaptation import State
from models.covariances import Covariances
from models.listing import Listing
from models.population import Array, Classes, Limits, Population, softmax

FORMAT = "myostream-wearers/2"
CARD, NUMBERS = "wearers.json", "wearers.safetensors"
KEYS = ("format", "labels", "fingerprint", "differences", "limits", "otherwise", "sha256", "provenance", "calibration")

CERTAINTY = 0.2
"""By which the log-likelihoods of a calibrated wearer's gestures are multiplied: windows overlap. Chosen on folds of
people 1-16 of Synapse, as were all such numbers here."""

MOST = 1e3
"""Times that the gestures may count as much as the networks."""

_ARRAYS = ("projection", "means", "own", "axes", "common", "within", "between")


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """One wearer.

    Attributes:
        state: the labelled repetitions, as adaptation would remember them.
        classes: the gestures of this wearer.
        share: how much they count beside the networks, which count 1.
        order: for each channel that the networks know, the channel of this armband in its place; None for all in order.
        said: how it was calibrated, fit for JSON.
    """

    state: State
    classes: Classes
    share: float
    order: tuple[int, ...] | None
    said: Mapping[str, Any] = field(default_factory=dict)

    def join(self, population: Population, windows: NDArray[np.float32], answers: NDArray[np.float32]) -> Array:
        """Networks and gestures together: ``(B, K)`` from windows ``(B, N, C)``, in order, and answers ``(B, K)``."""
        mine = softmax(CERTAINTY * self.classes.logits(population.features(windows)))
        both: Array = (answers + self.share * mine) / (1 + self.share)
        return both


@dataclass(frozen=True, slots=True, eq=False)
class Wearers:
    """What a checkpoint knows of them.

    Attributes:
        population: in general.
        provenance: data and people it is from.
        calibrated: one of them, if it is calibrated.
    """

    population: Population
    provenance: Mapping[str, Any]
    calibrated: Calibrated | None = None


def write_wearers(folder: Path, listing: Listing, wearers: Wearers) -> None:
    """Puts them beside the checkpoint in ``folder``; the card last, which says what the numbers must be.

    Raises:
        ValueError: the provenance holds what JSON cannot.
        OSError: it cannot be written.
    """
    population, calibrated = wearers.population, wearers.calibrated
    numbers = {"whitening": population.covariances.whitening, **{name: getattr(population, name) for name in _ARRAYS}}
    if calibrated is not None:
        numbers |= {"blocks": calibrated.state.blocks, "guesses": calibrated.state.guesses}
        numbers |= {"weights": calibrated.classes.weights, "bias": calibrated.classes.bias}
    content = tensor_bytes({name: np.ascontiguousarray(array, np.float32) for name, array in numbers.items()})
    card = {
        "format": FORMAT,
        "labels": list(listing.cards[0].labels),
        "fingerprint": listing.cards[0].design.fingerprint,
        "differences": population.covariances.differences,
        "limits": population.limits._asdict(),
        "otherwise": population.otherwise,
        "sha256": {NUMBERS: hashlib.sha256(content).hexdigest()},
        "provenance": dict(wearers.provenance),
        "calibration": None
        if calibrated is None
        else {
            "order": None if calibrated.order is None else list(calibrated.order),
            "share": calibrated.share,
            **calibrated.said,
        },
    }
    written = stored.json_bytes(card)
    storage.write(folder / NUMBERS, content)
    storage.write(folder / CARD, written)


def read_wearers(listing: Listing) -> Wearers | None:
    """Those of a checkpoint; None where it brings none.

    Args:
        listing: of the checkpoint, as it was read.

    Raises:
        ValueError: they are damaged, or of another checkpoint; one sentence with the path.
    """
    root = listing.root
    if not (root / CARD).is_file():
        return None
    try:
        return _read(root, listing)
    except (ValueError, OSError) as error:
        raise ValueError(
            f"what {root} knows of wearers cannot be used: {error}; make it anew with: python -m train wearers"
        ) from error


def known_wearers(listing: Listing, so: str) -> Wearers:
    """``read_wearers`` where there must be some.

    Args:
        listing: of the checkpoint, as it was read.
        so: what cannot be done without them: ``it cannot adapt``.

    Raises:
        ValueError: as there, or there are none; says how they are learnt.
    """
    found = read_wearers(listing)
    if found is None:
        raise ValueError(
            f"{listing.root} does not know how wearers differ, so {so}; let it learn that from its training people "
            f"with: python -m train wearers --checkpoint {listing.root} --data RECORDINGS"
        )
    return found


def _read(root: Path, listing: Listing) -> Wearers:
    card = stored.read_card(root / CARD, FORMAT, KEYS)
    first = listing.cards[0]
    if card["labels"] != list(first.labels) or card["fingerprint"] != first.design.fingerprint:
        raise ValueError("it was made for other gestures or another signal processing than this checkpoint has")
    numbers = {
        name: array.astype(np.float64) for name, array in stored.read_tensors(root / NUMBERS, card["sha256"]).items()
    }
    differences, limits = card["differences"], card["limits"]
    if type(differences) is not int or not 0 <= differences <= 8:
        raise ValueError(f"differences is {differences!r}; it must be a small whole number")
    if not isinstance(limits, dict) or set(limits) != set(Limits._fields) or not all(map(_sized, limits.values())):
        raise ValueError(f"its limits are {limits!r}; they must be {', '.join(Limits._fields)}, none below zero")
    if not _sized(card["otherwise"]) or card["otherwise"] > 1:
        raise ValueError(f"otherwise is {card['otherwise']!r}; it must be a share, from 0 to 1")
    size, gestures = first.design.spec.channels * (1 + differences), len(first.labels)
    count = len(numbers.get("own", ()))
    shapes: dict[str, tuple[int, ...]] = {
        "whitening": (size, size),
        "projection": (size * (size + 1) // 2, count),
        "means": (gestures, count),
        "own": (count,),
        "common": (count,),
        **dict.fromkeys(("axes", "within", "between"), (count, count)),
    }
    said = card["calibration"]
    if said is not None:
        known = len(numbers.get("blocks", ()))
        shapes |= {"blocks": (known, count), "guesses": (known, gestures), "weights": (count, gestures)}
        shapes |= {"bias": (gestures,)}
    _check(numbers, shapes)
    population = Population(
        covariances=Covariances(numbers["whitening"], differences),
        limits=Limits(**{name: float(value) for name, value in limits.items()}),
        otherwise=float(card["otherwise"]),
        **{name: numbers[name] for name in _ARRAYS},
    )
    return Wearers(
        population, card["provenance"], None if said is None else _calibrated(numbers, said, first.design.spec.channels)
    )


def _calibrated(numbers: Mapping[str, Array], said: object, channels: int) -> Calibrated:
    if not isinstance(said, dict) or not {"order", "share"} <= set(said):
        raise ValueError("its calibration must be a table with an order of the channels and a share")
    if not _sized(said["share"]) or not 0 < said["share"] <= MOST:
        raise ValueError(f"its share is {said['share']!r}; it must be a number above zero")
    order = said["order"]
    if order is not None and (not isinstance(order, list) or sorted(order, key=str) != list(range(channels))):
        raise ValueError(f"the order of its channels is {order}; it must name each of {channels} once, from 0")
    return Calibrated(
        State(numbers["blocks"], numbers["guesses"]),
        Classes(numbers["weights"], numbers["bias"]),
        float(said["share"]),
        None if order is None else tuple(order),
        {key: value for key, value in said.items() if key not in ("order", "share")},
    )


def _check(numbers: Mapping[str, Array], shapes: Mapping[str, Sequence[int]]) -> None:
    found = {name: array.shape for name, array in numbers.items()}
    if found != dict(shapes):
        raise ValueError(f"{NUMBERS} must hold {dict(shapes)}; it holds {found}")
    if bad := [name for name, array in numbers.items() if not np.isfinite(array).all()]:
        raise ValueError(f"{NUMBERS} holds values in {bad[0]} that are no numbers")
    for name in ("own", "common"):
        if (numbers[name] < 0).any():
            raise ValueError(f"{NUMBERS} holds a variance in {name} that is below zero")


def _sized(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e300


def save_state(path: Path, state: State, population: Population) -> None:
    """Writes what adaptation has come to know of a wearer, whole or not at all.

    Args:
        path: of the file.
        state: see there.
        population: in whose coordinates it is.

    Raises:
        OSError: it cannot be written.
    """
    tensors: dict[str, NDArray[Any]] = {"blocks": state.blocks.copy(), "guesses": state.guesses.copy()}
    tensors["population"] = _mark(population)
    if len(state.evidence):
        tensors |= {"evidence": state.evidence.copy(), "way": np.array([state.way], np.int64)}
    if len(state.followed):
        tensors["followed"] = state.followed.copy()
    storage.write(path, tensor_bytes(tensors))


def load_state(path: Path, population: Population) -> State:
    """What ``save_state`` wrote.

    Raises:
        ValueError: it is missing, damaged, something else, or of other people in general.
    """
    try:
        tensors = stored.tensors_in(path.read_bytes(), path.name)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{path} holds nothing that is known of a wearer ({error}); leave it out to begin anew"
        ) from error
    shapes = {name: (array.ndim, array.dtype.kind) for name, array in tensors.items()}
    sits = {"evidence": (1, "f"), "way": (1, "i")} if "evidence" in shapes else {}
    follows = {"followed": (1, "f")} if "followed" in shapes else {}
    if shapes != {"blocks": (2, "f"), "guesses": (2, "f"), "population": (1, "u"), **sits, **follows}:
        raise ValueError(f"{path} holds {', '.join(sorted(tensors)) or 'nothing'}, and not what is known of a wearer")
    if not np.array_equal(tensors["population"], _mark(population)):
        raise ValueError(
            f"{path} was written beside another checkpoint, or before this one learnt anew how wearers differ; begin "
            "anew with --forget"
        )
    blocks, guesses = (tensors[name].astype(np.float64) for name in ("blocks", "guesses"))
    state = State(blocks, guesses)
    if sits:
        state = state._replace(evidence=tensors["evidence"].astype(np.float64), way=int(tensors["way"].sum()))
    return state._replace(followed=tensors["followed"].astype(np.float64)) if follows else state


def _mark(population: Population) -> NDArray[np.uint8]:
    """By which a population is known again."""
    numbers = np.ascontiguousarray(population.projection, np.float32).tobytes()
    return np.frombuffer(hashlib.sha256(numbers).digest()[:8], np.uint8).copy()
