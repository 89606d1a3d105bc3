"""What one checkpoint says of itself, read without building its network and without PyTorch.

``model.safetensors``  the parameters, large matrices in 16 bits; ``model.json``  family, config, labels, signal
processing, views, decision, provenance; ``golden.safetensors``  a few windows with the logits that the network gave for
them on the CPU, by which whoever loads it can tell that it still computes the same. ``views`` is the test-time
augmentation; ``decision`` is how probabilities become decisions: temperature, smoothing, threshold, hysteresis,
debounce and release.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsp.design import Design
from models import stored
from models.decision import Settings
from models.reading import WHOLE, Reading
from models.stored import Golden
from models.views import Views

FORMAT = "myostream-checkpoint/1"
CARD, WEIGHTS, GOLDEN = "model.json", "model.safetensors", "golden.safetensors"
FILES = (CARD, WEIGHTS, GOLDEN)
CARD_KEYS = (
    *("format", "family", "config", "labels", "dsp", "fingerprint", "views", "decision", "provenance"),
    "sha256",
)

ENSEMBLE = "ensemble.json"
"""Beside which there is no card: the folder holds the list of an ensemble (``models.listing``)."""


@dataclass(frozen=True, slots=True)
class Card:
    """One checkpoint.

    Attributes:
        path: of its folder.
        name: among the members of an ensemble, or of the folder.
        weight: of its vote; those of an ensemble sum to 1.
        family: a name, which may be unknown here.
        config: of the family, as it stands in the file.
        labels: K gestures in the order of the logits.
        design: the signal processing that its windows go through; in an ensemble, that of the whole.
        views: the test-time augmentation that it runs with.
        decision: how probabilities become decisions.
        provenance: recipe, seed, data, metrics.
        sha256: of its other files, by their names.
        reading: what it reads of an ensemble's window; by itself, all of it.
    """

    path: Path
    name: str
    weight: float
    family: str
    config: Any
    labels: tuple[str, ...]
    design: Design
    views: Views
    decision: Settings
    provenance: Mapping[str, Any]
    sha256: Mapping[str, str]
    reading: Reading = WHOLE

    def check(self) -> None:
        """Makes sure that the parameters are those that were saved, also for who uses another form of them.

        Raises:
            ValueError: their file is another one; a sentence with the path.
        """
        if self.sha256.get(WEIGHTS) != hashlib.sha256((self.path / WEIGHTS).read_bytes()).hexdigest():
            raise ValueError(
                f"the checkpoint {self.path} cannot be used: {WEIGHTS} is not the file that was saved (its sha256 "
                "differs); copy the checkpoint again"
            )

    def golden(self) -> Golden:
        """Its golden windows, as they come out of ``design``.

        Raises:
            ValueError: their file is damaged or another one.
        """
        spec = self.design.spec
        try:
            tensors = stored.read_tensors(self.path / GOLDEN, self.sha256)
            own = spec.window - self.reading.skip
            return self.reading.undone(stored.golden_of(tensors, own, spec.channels, len(self.labels)))
        except ValueError as error:
            raise ValueError(f"the checkpoint {self.path} cannot be used: {error}") from error


def read_card(path: Path) -> Card:
    """The card of a checkpoint folder.

    Raises:
        ValueError: there is none, or it is damaged, foreign, of an unknown format or key; one sentence without the
            path.
    """
    _refuse_missing(path)
    values = stored.read_card(path / CARD, FORMAT, CARD_KEYS)
    try:
        design = Design.from_json(values["dsp"])
    except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError) as error:
        raise ValueError(f"its dsp is damaged ({error})") from error
    if design.fingerprint != values["fingerprint"]:
        raise ValueError(
            f"its fingerprint is {values['fingerprint']!r}, but its signal processing has {design.fingerprint!r}; "
            "one of them was changed after training"
        )
    if not isinstance(values["labels"], list) or not isinstance(values["family"], str):
        raise ValueError("the family must be a name and the labels a list of names")
    labels = values["labels"]
    if not labels or not all(isinstance(label, str) for label in labels) or len(set(labels)) < len(labels):
        raise ValueError(f"the labels {labels} must be names that differ from one another")
    views = Views.from_json(values["views"])
    views.arranged(design.spec.channels, design.spec.window)  # refuses a shift beyond the window
    digests = values["sha256"]
    return Card(
        path=path,
        name=path.resolve().name,
        weight=1.0,
        family=values["family"],
        config=values["config"],
        labels=tuple(labels),
        design=design,
        views=views,
        decision=Settings.from_json(values["decision"]),
        provenance=values["provenance"],
        sha256=digests if isinstance(digests, dict) else {},
    )


def _refuse_missing(path: Path) -> None:
    if not path.exists():
        raise ValueError("there is nothing of that name; give the folder of a trained checkpoint")
    if not path.is_dir():
        raise ValueError("it is a file, and a checkpoint is a folder; give the folder that holds it")
    if (path / ENSEMBLE).exists():
        raise ValueError("it is an ensemble; name one of its members, or use it where an ensemble is taken")
    if missing := [name for name in FILES if not (path / name).is_file()]:
        raise ValueError(f"the folder holds no {' and no '.join(missing)}; give the folder that does")
