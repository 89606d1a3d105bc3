"""What the display shows at one moment, as plain values: what the board carries and the view draws."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.design import DspSpec

STRIP_SECONDS = 4.0
"""How much of the signal the strips hold."""

STRIP_COLUMNS = 800
"""About how many columns that time is cut into; a wide picture shows as many."""

PAST_SECONDS = 30.0
"""For how long decisions are kept."""

ABSTAINED = -1
UNKNOWN = -2
"""In place of an index into ``About.names``: no decision was made, no truth is known."""


@dataclass(frozen=True, slots=True)
class About:
    """What does not change while a stream runs.

    Attributes:
        title: the source, for people.
        checkpoint: its name.
        rate_hz: samples a second.
        channels: one label for each.
        labels: what can be decided.
        names: what can be true: ``labels``, then what the recogniser does not know.
        window: samples in a window.
        hop: samples between windows.
        scale_uv: microvolts of 1.0 in each channel; empty where samples are microvolts.
        length: samples in the whole stream, 0 where it has no known end.
        speed: times real time, 0 for as fast as possible.
        simulated: no human arm was involved.
        full_scale_uv: the magnitude at which the device's range ends; infinity where that is unknown.
        keys: that can be pressed, each with what it does.
    """

    title: str
    checkpoint: str
    rate_hz: float
    channels: tuple[str, ...]
    labels: tuple[str, ...]
    names: tuple[str, ...]
    window: int
    hop: int
    scale_uv: tuple[float, ...] = ()
    length: int = 0
    speed: float = 1.0
    simulated: bool = False
    full_scale_uv: float = math.inf
    keys: tuple[tuple[str, str], ...] = ()

    @property
    def per_column(self) -> int:
        """Samples that one column of a strip stands for."""
        return max(1, round(self.rate_hz * STRIP_SECONDS / STRIP_COLUMNS))

    @property
    def columns(self) -> int:
        """Columns in a strip."""
        return max(1, round(self.rate_hz * STRIP_SECONDS / self.per_column))

    @property
    def past(self) -> int:
        """How many decisions are kept."""
        return math.ceil(self.rate_hz * PAST_SECONDS / self.hop) + 2

    def to_text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> About:
        """The inverse of ``to_text``."""
        plain: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in json.loads(text).items()
        }
        plain["keys"] = tuple((key, what) for key, what in plain["keys"])
        return cls(**plain)


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """One moment of a stream.

    Attributes:
        about: what does not change.
        end: stream index after the newest sample shown.
        decided: index of the current decision in ``about.labels``, or ``ABSTAINED``.
        truth: index of the true label in ``about.names``, or ``UNKNOWN``.
        confidence: of the decision, 0 to 1.
        probabilities: ``(K,)`` of the current window.
        p50_s: median latency, seconds, NaN where unknown.
        p99_s: 99th percentile.
        dropped: samples lost so far.
        late: decisions that came after they were due.
        skipped: windows that got none.
        paused: decisions go nowhere at present.
        decisions: made so far.
        right: of those counted.
        counted: decisions whose true label is known.
        strips: ``(columns, 2, C)`` least and greatest value in each column, oldest first, NaN where nothing is known;
            the last column ends at or just before ``end``.
        past: ``(P, 3)`` end, decided and truth of the latest decisions, oldest first.
        sure: ``(P,)`` their confidence.
        shares: ``(P, K)`` their probabilities.
        notice: what is amiss, for people; "" where nothing is.
        waiting: nothing arrives at present.
    """

    about: About
    end: int
    decided: int
    truth: int
    confidence: float
    probabilities: NDArray[np.float32]
    p50_s: float
    p99_s: float
    dropped: int
    decisions: int
    right: int
    counted: int
    strips: NDArray[np.float32]
    past: NDArray[np.int64]
    sure: NDArray[np.float32]
    shares: NDArray[np.float32]
    notice: str = ""
    waiting: bool = False
    late: int = 0
    skipped: int = 0
    paused: bool = False


def describe(
    spec: DspSpec,
    *,
    title: str,
    checkpoint: str,
    channels: tuple[str, ...],
    labels: tuple[str, ...],
    names: tuple[str, ...] = (),
    length: int = 0,
    speed: float = 1.0,
    simulated: bool = False,
    full_scale_uv: float = math.inf,
    keys: tuple[tuple[str, str], ...] = (),
) -> About:
    """What the display needs to know of a stream, from the spec it is processed by and the rest by name."""
    scale = spec.scale_uv * (spec.channels if len(spec.scale_uv) == 1 else 1)
    return About(
        title=title,
        checkpoint=checkpoint,
        rate_hz=spec.rate_hz,
        channels=channels,
        labels=labels,
        names=names or labels,
        window=spec.window,
        hop=spec.hop,
        scale_uv=scale,
        length=length,
        speed=speed,
        simulated=simulated,
        full_scale_uv=full_scale_uv,
        keys=keys,
    )
