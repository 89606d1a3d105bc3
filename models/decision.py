"""From probabilities to decisions: smoothing, rejection, hysteresis."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.flow import Window
from models import plain


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
    """

    smoothing: int = 1
    threshold: float = 0.0
    hysteresis: float = 0.0

    def __post_init__(self) -> None:
        if self.smoothing < 1:
            raise ValueError(f"smoothing is {self.smoothing}; give how many windows are averaged, at least 1")
        for name, value in (("threshold", self.threshold), ("hysteresis", self.hysteresis)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}; give a probability from 0 to 1")

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
    With a hop longer than the window every window does so, and smoothing has no effect.

    Args:
        labels: K gestures in the order of the probabilities.
        settings: see there.
    """

    def __init__(self, labels: Sequence[str], settings: Settings | None = None) -> None:
        self.labels = tuple(labels)
        self.settings = settings or Settings()
        self.reset()

    def reset(self) -> None:
        """Forgets everything that was seen."""
        self._recent: deque[NDArray[np.float64]] = deque(maxlen=self.settings.smoothing)
        self._present: int | None = None
        self._last: tuple[int, int] | None = None

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
        self._recent.append(probabilities.astype(np.float64))
        smoothed = self._recent[0] if len(self._recent) == 1 else np.mean(self._recent, axis=0)
        chosen = self._choose(smoothed)
        confidence = float(smoothed[chosen])
        certain = confidence >= self.settings.threshold
        self._present = chosen if certain else None
        return Decision(self.labels[chosen] if certain else None, confidence, probabilities, window.first, window.end)

    def _restarted(self, window: Window) -> bool:
        if self._last is None:
            return False
        first, end = self._last
        return window.first < first or (self.settings.smoothing > 1 and window.first > end)

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
    """

    def __init__(self, classes: int, streams: int, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._recent = np.zeros((self.settings.smoothing, streams, classes))
        self._count = 0
        self._rows = np.arange(streams)
        self._present = np.full(streams, -1)

    def __call__(self, probabilities: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Decides about one window of each stream.

        Args:
            probabilities: ``(S, K)``.

        Returns:
            ``(S,)`` labels as indices, -1 where it abstains; ``(S,)`` confidences.
        """
        self._recent[self._count % len(self._recent)] = probabilities
        self._count += 1
        smoothed = self._recent[: self._count].mean(axis=0)
        chosen = smoothed.argmax(axis=1)
        held, present = self._present >= 0, np.maximum(self._present, 0)
        kept = smoothed[self._rows, present]
        stays = held & (kept >= self.settings.threshold)
        stays &= smoothed[self._rows, chosen] - kept < self.settings.hysteresis
        chosen = np.where(stays, present, chosen)
        confidence = smoothed[self._rows, chosen]
        self._present = np.where(confidence >= self.settings.threshold, chosen, -1)
        return self._present.astype(np.int64), confidence
