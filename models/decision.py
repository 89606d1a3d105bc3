"""From probabilities to decisions: calibration, smoothing, rejection, hysteresis, and patience."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.flow import Window
from models import plain

NOTHING = -1
"""In place of a label's index: an abstention."""

ROUNDING = 1e-6
"""Of times: 0.1 s in ten hops of 10 ms is 0.1 s."""


class Decision(NamedTuple):
    """What the recogniser says about one window.

    Attributes:
        label: the gesture, or None where it abstains.
        confidence: smoothed probability of ``label`` (of the likeliest gesture where it abstains; 0.0 where the
            window was not intact or its probabilities are not numbers).
        probabilities: ``(K,)`` float32 of the classifier for this window alone, before smoothing.
        first: stream index of the window's first sample.
        end: stream index after its last one.
        reduced: what was spent on it, in words, where there was no time for everything; else "".
    """

    label: str | None
    confidence: float
    probabilities: NDArray[np.float32]
    first: int
    end: int
    reduced: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """How sure the recogniser has to be.

    Attributes:
        smoothing: how many of the last windows are averaged, at least 1 (no smoothing).
        threshold: it abstains below this smoothed probability; 0 never abstains.
        hysteresis: by how much another gesture must be likelier to replace the present one; 0 always takes the
            likeliest.
        temperature: above 1 makes the probabilities less sure, below it surer, before all else: each becomes its
            1 / temperature-th power (Guo et al., "On calibration of modern neural networks", ICML 2017); 1 leaves them.
        debounce_ms: for how long a gesture must have been seen in every window before it is announced; 0 announces at
            once. In time, unlike ``smoothing``, so that another hop changes nothing.
        release_ms: likewise, for how long it must have been gone (rest or an abstention) before it is let go of.
        rest: the label that is no gesture and waits for no ``debounce_ms``; of no effect where no label is called so.
    """

    smoothing: int = 1
    threshold: float = 0.0
    hysteresis: float = 0.0
    temperature: float = 1.0
    debounce_ms: float = 0.0
    release_ms: float = 0.0
    rest: str = "rest"

    def __post_init__(self) -> None:
        if self.smoothing < 1:
            raise ValueError(f"smoothing is {self.smoothing}; give how many windows are averaged, at least 1")
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"temperature is {self.temperature}; give a number above zero, 1 to change nothing")
        for name, value in (("debounce_ms", self.debounce_ms), ("release_ms", self.release_ms)):
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} is {value}; give milliseconds, 0 to wait for nothing")
        for name, value in (("threshold", self.threshold), ("hysteresis", self.hysteresis)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}; give a probability from 0 to 1")

    @property
    def patient(self) -> bool:
        """Whether anything is waited for."""
        return self.debounce_ms > 0 or self.release_ms > 0

    def resting(self, labels: Sequence[str]) -> int:
        """Index of the label that is no gesture, ``NOTHING`` if all are."""
        return list(labels).index(self.rest) if self.rest in labels else NOTHING

    def calibrated(self, probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
        """Rows ``(..., K)`` at this temperature, again summing to 1."""
        given = probabilities.astype(np.float64)
        if self.temperature == 1:
            return given
        powers = np.power(given / given.max(axis=-1, keepdims=True), 1 / self.temperature)
        total: NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
        return total

    def to_json(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return plain.to_json(self)

    @classmethod
    def from_json(cls, values: object) -> Settings:
        """The inverse of ``to_json``.

        Raises:
            ValueError: unknown key or impossible value.
        """
        return plain.from_json(cls, values, "decision")


class Decide:
    """Turns the probabilities of window after window into decisions; one for each window, always.

    The present gesture stays while it reaches the threshold itself and no other is likelier by ``hysteresis``.
    A window that is not intact gets an abstention, and neither enters the smoothing nor changes the state.
    Everything past is forgotten at a new recording (the window starts before the one before it did) and, if windows
    are averaged, at a gap (it begins after the end of the one before it): averages never reach across lost samples.
    With a hop longer than the window every window does so, and smoothing has no effect. The same holds where anything
    is waited for.

    What has been chosen so far is announced once it has been chosen in every window for as long as the settings ask;
    until then the last announcement stands. Rest and abstentions are one and the same in this.

    Args:
        labels: K gestures in the order of the probabilities.
        settings: see there.
        rate_hz: of the samples by which windows are placed; needed only where anything is waited for.

    Raises:
        ValueError: it is needed and missing.
    """

    def __init__(self, labels: Sequence[str], settings: Settings | None = None, rate_hz: float | None = None) -> None:
        self.labels = tuple(labels)
        self.settings = settings or Settings()
        if rate_hz is None and self.settings.patient:
            raise ValueError("the settings wait for milliseconds, and nothing says how long a sample is; give rate_hz")
        per_ms = (rate_hz or 0.0) / 1000
        self._debounce, self._release = self.settings.debounce_ms * per_ms, self.settings.release_ms * per_ms
        self._idle = {NOTHING, self.settings.resting(self.labels)}
        self.reset()

    def reset(self) -> None:
        """Forgets everything that was seen."""
        self._recent: deque[NDArray[np.float64]] = deque(maxlen=self.settings.smoothing)
        self._present: int | None = None
        self._last: tuple[int, int] | None = None
        self._announced = self._coming = NOTHING
        self._since = -math.inf

    def __call__(self, probabilities: NDArray[np.float32], window: Window) -> Decision:
        """Decides about one window.

        Args:
            probabilities: ``(K,)`` float32, which becomes part of the decision.
            window: that they belong to; only its place in the stream and ``intact`` are looked at.

        Raises:
            ValueError: there are not as many probabilities as labels.
        """
        if probabilities.shape != (len(self.labels),):
            raise ValueError(
                f"the classifier gave probabilities of shape {probabilities.shape} for {len(self.labels)} labels "
                f"({', '.join(self.labels)}); give both from one checkpoint"
            )
        if not (window.intact and np.isfinite(probabilities).all()):
            return Decision(None, 0.0, probabilities, window.first, window.end)
        if self._restarted(window):
            self.reset()
        self._last = (window.first, window.end)
        self._recent.append(self.settings.calibrated(probabilities))
        smoothed = self._recent[0] if len(self._recent) == 1 else np.mean(self._recent, axis=0)
        chosen = self._choose(smoothed)
        certain = smoothed[chosen] >= self.settings.threshold
        self._present = chosen if certain else None
        said = self._announce(chosen if certain else NOTHING, window.end)
        confidence = float(smoothed[chosen if said == NOTHING else said])
        label = None if said == NOTHING else self.labels[said]
        return Decision(label, confidence, probabilities, window.first, window.end)

    def _announce(self, chosen: int, end: int) -> int:
        """What stands announced after ``chosen`` was seen at ``end``."""
        idle = chosen in self._idle
        coming = NOTHING if idle else chosen
        if coming != self._coming:
            self._coming, self._since = coming, end
        if end - self._since >= (self._release if idle else self._debounce) - ROUNDING:
            self._announced = chosen
        return self._announced

    def _restarted(self, window: Window) -> bool:
        if self._last is None:
            return False
        first, end = self._last
        remembers = self.settings.smoothing > 1 or self.settings.patient
        return window.first < first or (remembers and window.first > end)

    def _choose(self, smoothed: NDArray[np.float64]) -> int:
        """The present gesture while it holds, else the likeliest."""
        likeliest = int(np.argmax(smoothed))
        present = self._present
        if present is None or smoothed[present] < self.settings.threshold:
            return likeliest
        return likeliest if smoothed[likeliest] - smoothed[present] >= self.settings.hysteresis else present


class DecideAll:
    """What ``Decide`` does, for S streams at once and without an object for each decision.

    Every window is intact and follows the one before it.

    Args:
        classes: K.
        streams: S.
        settings: see there.
        rest: index of the label that is no gesture; -1 if all are.
        hop_ms: between the ends of two windows; needed only where anything is waited for.

    Raises:
        ValueError: it is needed and missing.
    """

    def __init__(
        self,
        classes: int,
        streams: int,
        settings: Settings | None = None,
        *,
        rest: int = NOTHING,
        hop_ms: float | None = None,
    ) -> None:
        self.settings = settings or Settings()
        if hop_ms is None and self.settings.patient:
            raise ValueError(
                "the settings wait for milliseconds, and nothing says how long a window lasts; give hop_ms"
            )
        self._recent = np.zeros((self.settings.smoothing, streams, classes))
        self._count = 0
        self._rows = np.arange(streams)
        self._present = np.full(streams, NOTHING)
        self._rest, self._hop_ms = rest, hop_ms or 0.0
        self._announced = np.full(streams, NOTHING)
        self._coming = np.full(streams, NOTHING)
        self._since_ms = np.full(streams, -np.inf)

    def __call__(self, probabilities: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Decides about one window of each stream.

        Args:
            probabilities: ``(S, K)``.

        Returns:
            ``(S,)`` labels as indices, -1 where it abstains; ``(S,)`` confidences.
        """
        self._recent[self._count % len(self._recent)] = self.settings.calibrated(probabilities)
        self._count += 1
        smoothed = self._recent[: self._count].mean(axis=0)
        chosen = smoothed.argmax(axis=1)
        held, present = self._present >= 0, np.maximum(self._present, 0)
        kept = smoothed[self._rows, present]
        stays = held & (kept >= self.settings.threshold)
        stays &= smoothed[self._rows, chosen] - kept < self.settings.hysteresis
        chosen = np.where(stays, present, chosen)
        self._present = np.where(smoothed[self._rows, chosen] >= self.settings.threshold, chosen, NOTHING)
        said = self._announce(self._present) if self.settings.patient else self._present
        confidence = smoothed[self._rows, np.where(said == NOTHING, chosen, said)]
        return said.astype(np.int64), confidence

    def _announce(self, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        """What stands announced in each stream after ``chosen`` was seen in it."""
        now = self._count * self._hop_ms
        idle = (chosen == NOTHING) | (chosen == self._rest)
        coming = np.where(idle, NOTHING, chosen)
        self._since_ms = np.where(coming == self._coming, self._since_ms, now)
        self._coming = coming
        patience = np.where(idle, self.settings.release_ms, self.settings.debounce_ms)
        self._announced = np.where(now - self._since_ms >= patience - ROUNDING, chosen, self._announced)
        return self._announced
