"""What the tests of readers share."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from devices.files import load
from devices.recording import Recording


def wave(length: int, channels: int, seed: int = 0) -> NDArray[np.float32]:
    """Noise of 50 uV."""
    return np.random.default_rng(seed).normal(0, 50, (length, channels)).astype(np.float32)


def runs(recording: Recording) -> list[tuple[int, str]]:
    """Where the label changes, and into what; "" is unknown."""
    if recording.labels is None:
        return []
    shown = ["" if label < 0 else recording.names[label] for label in recording.labels.tolist()]
    return [(at, label) for at, label in enumerate(shown) if not at or label != shown[at - 1]]


def refused(path: Path, *parts: str, rate_hz: float | None = None, unit: str | None = None) -> None:
    """Loading ends in one sentence that names the file and says these things."""
    with pytest.raises(ValueError, match=re.escape(path.name)) as caught:
        load(path, rate_hz=rate_hz, unit=unit)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def written(path: Path, content: bytes | str) -> Path:
    """A file with this content, and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
