"""A recipe: one frozen value that says everything a training run does. Changing parts of it: ``train.changes``."""

from __future__ import annotations

import importlib
import inspect
import math
import pkgutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from dsp.design import DspSpec
from train import recipes
from train.augment import Augment

FROM_DATA = ("channels", "classes")
"""Keys of every family's configuration that the data decide."""

MOST_IN_A_STEP = 2**16
"""Windows in a batch."""


@dataclass(frozen=True, slots=True)
class Processing:
    """What a recipe asks of the signal processing; the rest of the ``DspSpec`` comes from the data.

    Attributes:
        rate_hz: None takes the rate of the data. Recordings at another rate are refused; simulated people are
            simulated at it.
        band_hz: edges of the band-pass; none leaves it out.
        order: of its prototype.
        notch_hz: 50 or 60, 0 for no notch, None for what the data set is known to need.
        notch_harmonics: multiples of it, itself included.
        notch_q: quality factor.
        window_ms: length of a window.
        hop_ms: distance between windows when the checkpoint runs; training windows lie anywhere.
    """

    rate_hz: float | None = None
    band_hz: tuple[float, float] | None = (20.0, 450.0)
    order: int = 4
    notch_hz: float | None = None
    notch_harmonics: int = 3
    notch_q: float = 30.0
    window_ms: float = 400.0
    hop_ms: float = 160.0

    def __post_init__(self) -> None:
        if self.rate_hz is not None and not 0 < self.rate_hz < math.inf:
            raise ValueError(f"dsp.rate_hz is {self.rate_hz:g}; give a number above zero, or none for that of the data")

    def spec(self, rate_hz: float, channels: int, mains_hz: float | None) -> DspSpec:
        """The whole spec for data at this rate, not yet scaled.

        Args:
            rate_hz: of the data.
            channels: of the data.
            mains_hz: that the data set is known to need removed, None where it is clean or unknown.
        """
        notch = mains_hz if self.notch_hz is None else self.notch_hz or None
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return DspSpec(**{**values, "rate_hz": rate_hz, "channels": channels, "notch_hz": notch})


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything a training run does, apart from the data.

    Attributes:
        family: of the network, a name in ``models.families``.
        model: the family's configuration; channels and classes come from the data.
        dsp: signal processing.
        augment: random changes to the training windows.
        decorrelate: mix the channels so that they are uncorrelated over the training people, where the family can.
        lend: share of the training windows that are lent to another wearer's electrodes (``train.wearers``).
        epochs: passes; one gives each stretch of a window's length ``overlap`` random windows.
        overlap: training windows for each window's length of recording and epoch.
        balance: draw every gesture equally often, however much of it was recorded.
        purity: least share of a training window that carries its label.
        lead_ms: let labels follow the muscle where they follow a schedule, changing so much before it
            (``devices.onsets``); none leaves them as they are.
        long_share: share of the batches whose windows are longer, for a head used on whole trials.
        long_ms: how long those are.
        batch: windows in a step.
        lr: highest learning rate of AdamW.
        weight_decay: of AdamW.
        warmup: share of the steps in which the rate climbs linearly; it then falls as a cosine.
        restart: share of the steps after which the rate starts anew, each time twice as long and from nine tenths as
            high (SGDR: Loshchilov & Hutter, ICLR 2017); 0 never.
        clip: largest norm of the gradient.
        label_smoothing: share of a label's mass spread over all gestures.
        class_weights: what a window of each gesture counts in the loss; none: all alike.
        ema: decay of a running mean of the weights, which is then what is kept; 0 keeps the weights themselves.
        bf16: run the network in bfloat16 (pays on long windows and on accelerators).
        freeze: parts of the network that are not trained, such as ``stem`` or ``units.0``; of use to who starts from a
            checkpoint.
        keep_every: epochs after which a checkpoint is kept besides, in ``epochs/N``; 0 keeps only the best.
        views: whether the checkpoint runs with test-time augmentation (``models.views``), which moves windows in time.
        validation: training people set apart; the epoch that is best on them is kept. 0: the last epoch is kept.
        patience: stop after so many epochs without a better one; 0 never stops early.
        seed: of everything random.
    """

    family: str
    model: Mapping[str, Any] = field(default_factory=dict)
    dsp: Processing = field(default_factory=Processing)
    augment: Augment = field(default_factory=Augment)
    decorrelate: bool = True
    lend: float = 0.0
    epochs: int = 8
    overlap: float = 2.0
    balance: bool = True
    purity: float = 0.75
    lead_ms: float | None = None
    long_share: float = 0.0
    long_ms: float = 1000.0
    batch: int = 128
    lr: float = 3e-3
    weight_decay: float = 0.02
    warmup: float = 0.1
    restart: float = 0.0
    clip: float = 1.0
    label_smoothing: float = 0.1
    class_weights: tuple[float, ...] = ()
    ema: float = 0.0
    bf16: bool = False
    freeze: tuple[str, ...] = ()
    keep_every: int = 0
    views: bool = True
    validation: int = 3
    patience: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, high in (("epochs", math.inf), ("batch", MOST_IN_A_STEP)):
            _check(name, getattr(self, name), low=1, high=high)
        for name, high in (
            ("validation", math.inf),
            ("patience", math.inf),
            ("seed", 2**63 - 1),
            ("keep_every", math.inf),
        ):
            _check(name, getattr(self, name), low=0, high=high)
        _check("weight_decay", self.weight_decay, low=0)
        _check("lead_ms", self.lead_ms or 0, low=0)
        for name in ("lr", "clip", "overlap", "long_ms"):
            _check(name, getattr(self, name), low=1e-12)
        for name in ("warmup", "restart", "label_smoothing", "lend", "long_share", "purity"):
            _check(name, getattr(self, name), low=0, high=1)
        _check("ema", self.ema, low=0, high=0.99999)
        for weight in self.class_weights:
            _check("class_weights", weight, low=1e-6)

    def to_json(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return asdict(replace(self, model=dict(self.model)))


def _check(name: str, value: float, low: float, high: float = math.inf) -> None:
    if not low <= value <= high or value == math.inf:
        bounds = f"at least {low:g}, and finite" if high == math.inf else f"between {low:g} and {high:g}"
        raise ValueError(f"{name} is {value}; it must be {bounds}")


def restored(values: Mapping[str, Any]) -> Recipe:
    """The inverse of ``Recipe.to_json``; what was not yet to be set when it was written has its default.

    Raises:
        ValueError: it holds unknown keys or impossible values.
        TypeError: values of the wrong kind.
    """
    parts = {"dsp": Processing, "augment": Augment, "model": dict}
    if unknown := sorted(set(values) - set(Recipe.__dataclass_fields__)):
        raise ValueError(f"{unknown[0]!r} is no key of a recipe")
    return Recipe(
        **{key: parts[key](**_firm(value)) if key in parts else value for key, value in _firm(values).items()}
    )


def _firm(values: Mapping[str, Any]) -> dict[str, Any]:
    """With tuples where JSON has lists."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


def names() -> list[str]:
    """The known recipes: the files in ``train/recipes``."""
    return sorted(module.name for module in pkgutil.iter_modules(recipes.__path__))


def load(name: str) -> Recipe:
    """The recipe of this name.

    Raises:
        ValueError: there is none.
    """
    recipe = _module(name).RECIPE
    if not isinstance(recipe, Recipe):
        raise TypeError(f"train/recipes/{name}.py: RECIPE is no Recipe")
    return recipe


def describe(name: str) -> str:
    """What the recipe's file says of itself, one line a paragraph, an empty line between two."""
    paragraphs = inspect.cleandoc(_module(name).__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


DATA = "Data: "


def wanted_data(name: str) -> str:
    """What the recipe's file says of the data it wants: the paragraph that begins with ``Data:``.

    Raises:
        ValueError: there is no such recipe.
    """
    paragraphs = describe(name).split("\n\n")
    return next((text.removeprefix(DATA) for text in paragraphs if text.startswith(DATA)), "")


def _module(name: str) -> Any:
    if name not in names():
        raise ValueError(f"{name!r} is no recipe; known are {', '.join(names())}")
    return importlib.import_module(f"{recipes.__name__}.{name}")
