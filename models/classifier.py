"""The classifier of the live path: windows to probabilities, by whichever engine is at hand, without PyTorch in sight.

An engine holds the networks on its device and remembers the last window, so that only what is new has to be handed to
it. It can spend less on a decision, if there is no time for all views and members: see ``Effort``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from time import perf_counter
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from dsp.design import Design
from dsp.flow import Window
from models.adaptation import Adaptation
from models.decision import Settings
from models.listing import Listing
from models.wearer import Wearers

Windows = NDArray[np.float32]
"""Shape ``(S, N, C)``: the present window of each of S streams, out of the pipeline."""

Probabilities = NDArray[np.float32]
"""Shape ``(S, K)``."""


class Effort(NamedTuple):
    """How much is spent on a decision.

    Attributes:
        members: places in the ensemble of those that vote.
        views: at most so many views of each window, the original first.
    """

    members: tuple[int, ...]
    views: int


class Engine(Protocol):
    """Networks and views on a device, for a fixed number of streams; used by one thread."""

    @property
    def name(self) -> str:
        """What it is, for people: ``torch``, ``onnx``, ``int8``, ``openvino``."""

    @property
    def device(self) -> str:
        """Where it computes, for people."""

    def take(self, windows: Windows, fresh: int) -> None:
        """Copies what is new.

        Args:
            windows: of each stream; not kept.
            fresh: samples at the end of each that the engine has not seen; N where it has seen none.
        """

    def answer(self, effort: Effort) -> Probabilities:
        """Weighted mean over members and views for the windows last taken, in a fresh array."""

    def rehearse(self, effort: Effort) -> None:
        """Looks once more at what was taken, so that a processor that has slept has everything at hand again."""

    def batch(self, windows: NDArray[np.float32], effort: Effort) -> NDArray[np.float32]:
        """Probabilities ``(B, K)`` of unrelated windows ``(B, N, C)``, B from 0 to anything; for measuring."""


class Classifier:
    """One stream's windows to probabilities. Made by ``load_classifier``.

    A window's probabilities are the same to the last bit from run to run on one machine. One thread at a time.

    Attributes:
        engine: that computes.
        labels: K gestures in the order of the probabilities.
        design: the signal processing whose windows it takes.
        decision: settings of the decision layer (those of the first member).
        provenance: of the ensemble or the checkpoint.
        member_names: M names.
        weights: M, sum to 1.
        efforts: from everything down to one view of one member.
        notes: what a person should know about the choice of the engine, a sentence each.
        costs_s: seconds that a decision takes at each effort, the median of ``warm_up``; before that, zeros.
        wearers: what is known of them in general, and of the one it was calibrated for; None for nothing.
        adaptation: what it comes to know of this wearer by itself; None where it stays as it is.
    """

    def __init__(
        self,
        engine: Engine,
        listing: Listing,
        efforts: Sequence[Effort],
        notes: Sequence[str] = (),
        wearers: Wearers | None = None,
        adaptation: Adaptation | None = None,
    ) -> None:
        first = listing.cards[0]
        self.engine = engine
        self.labels: tuple[str, ...] = first.labels
        self.design: Design = first.design
        self.decision: Settings = first.decision
        self.provenance: Mapping[str, Any] = listing.provenance
        self.member_names: tuple[str, ...] = tuple(card.name for card in listing.cards)
        self.weights = listing.weights
        self.efforts = tuple(efforts)
        self.notes = tuple(notes)
        self.costs_s = (0.0,) * len(self.efforts)
        self.wearers, self.adaptation = wearers, adaptation
        self._calibrated = None if wearers is None else wearers.calibrated
        self._order = (
            None if self._calibrated is None or self._calibrated.order is None else list(self._calibrated.order)
        )
        self._samples = np.zeros((0, 0), np.float32)
        self._shape = (first.design.spec.window, first.design.spec.channels)
        self._seen = self._taken = -1
        self._finite = True

    @property
    def device(self) -> str:
        """Where it computes, for people."""
        return self.engine.device

    def __call__(self, window: Window) -> NDArray[np.float32]:
        """Probabilities ``(K,)`` float32 of one window at full effort, in a fresh array; raises as ``take``."""
        self.take(window)
        return self.answer()

    def take(self, window: Window) -> None:
        """Hands a window to the engine: of one that follows the last one answered, only what is new.

        Raises:
            ValueError: the window has another shape than ``design`` gives.
        """
        if window.samples.shape != self._shape:
            raise ValueError(
                f"the window has shape {window.samples.shape}, but this checkpoint takes (samples, channels) "
                f"{self._shape}; cut windows by its own dsp spec"
            )
        step = window.end - self._seen
        # A window that overlaps the last one but does not follow it in time belongs to another stream.
        fresh = step if self._seen >= 0 and 0 < step < self._shape[0] else self._shape[0]
        # Who is calibrated is not turned, so that at most one of the two has an order.
        order = self._order if self.adaptation is None else self._order or self.adaptation.order
        self._samples = window.samples if order is None else window.samples[:, order]
        self.engine.take(self._samples[None], fresh)
        self._taken = window.end
        # Whole numbers know no NaN: in eight bits, one would become a confident answer.
        self._finite = isfinite(float(window.samples.sum()))

    def answer(self, effort: int = 0) -> NDArray[np.float32]:
        """Probabilities ``(K,)`` float32 of the window last taken, in a fresh array; NaN if it holds any.

        Args:
            effort: index into ``efforts``; 0 is everything.
        """
        self._seen = self._taken
        probabilities: NDArray[np.float32] = self.engine.answer(self.efforts[effort])[0]
        if not self._finite:
            probabilities[:] = np.nan
            return probabilities
        if self._calibrated is not None and self.wearers is not None:
            one = self._samples[None], probabilities[None]
            probabilities = self._calibrated.join(self.wearers.population, *one)[0].astype(np.float32)
        return probabilities if self.adaptation is None else self.adaptation.answer(self._samples, probabilities)

    def learn(self) -> None:
        """Lets what was answered last sink in, where it adapts; to be called after a decision, when there is time."""
        if self.adaptation is None:
            return
        order = self.adaptation.order
        self.adaptation.learn()
        if self.adaptation.order != order:
            self.reset()  # what the engine remembers is in the order of before

    def rehearse(self) -> None:
        """Has the networks at hand for a window that is about to come; see ``stream.foresight``."""
        self.engine.rehearse(Effort(self.efforts[0].members, 1))

    def in_words(self, effort: int) -> str:
        """What an effort is, for people: ``3 of 5 views``."""
        spent, everything = self.efforts[effort], self.efforts[0]
        parts = [
            f"{part} of {whole} {what}"
            for part, whole, what in (
                (len(spent.members), len(everything.members), "members"),
                (spent.views, everything.views, "views"),
            )
            if part < whole
        ]
        return ", ".join(parts) or "everything"

    def batch(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities ``(B, K)`` of unrelated windows ``(B, N, C)``, at full effort; NaN for one that holds any.

        It neither adapts by them nor does what it adapted to count.

        Raises:
            ValueError: windows of another shape.
        """
        if windows.shape[1:] != self._shape:
            raise ValueError(f"windows have shape {windows.shape}; this checkpoint takes (B, {self._shape[0]}, C)")
        if self._order is not None:
            windows = windows[:, :, self._order]
        probabilities = self.engine.batch(windows, self.efforts[0])
        if self._calibrated is not None and self.wearers is not None:
            probabilities = self._calibrated.join(self.wearers.population, windows, probabilities).astype(np.float32)
        probabilities[~np.isfinite(windows).all(axis=(1, 2))] = np.nan
        return probabilities

    def warm_up(self, runs: int = 7) -> None:
        """Runs a few silent windows at each effort, so that the first real one finds everything there.

        How long they took is kept in ``costs_s``.
        """
        length = self._shape[0]
        hop = min(self.design.spec.hop, length)
        silence = Window(np.zeros(self._shape, np.float32), 0, length)
        costs = []
        for effort in range(len(self.efforts)):
            self.reset()
            times = []
            for run in range(runs):
                began = perf_counter()
                self.take(silence._replace(first=run * hop, end=run * hop + length))
                self.answer(effort)
                times.append(perf_counter() - began)
            costs.append(sorted(times)[runs // 2])
        self.costs_s = tuple(costs)
        self.rehearse()
        self.reset()
        if self.adaptation is not None:
            self.adaptation.begin()

    def reset(self) -> None:
        """Forgets the last window: the next one is taken whole."""
        self._seen = self._taken = -1
