"""What is said while recording, and afterwards."""

from __future__ import annotations

import shutil
import sys
import time
from typing import Any

from devices.integrity import Integrity
from devices.recorder.aside import Aside
from devices.recorder.loop import Progress
from devices.source import Source

_LINE_EVERY_S = 5.0
_REDRAW_EVERY_S = 0.2


def summary(source: Source, progress: Progress, failure: ValueError | None) -> dict[str, Any]:
    """What there is now, as plain values.

    Args:
        source: that was recorded.
        progress: at the end.
        failure: what ended it, if it was an error.
    """
    recorder = progress.recorder
    return {
        "path": str(recorder.path),
        "source": source.info.name,
        "seconds": round(progress.seconds, 6),
        "samples": recorder.written,
        "rate_hz": source.info.rate_hz,
        "measured_hz": round(progress.measured_hz, 3),
        "channels": list(source.info.channels),
        "ended": "error" if failure else progress.ended,
        "missed": recorder.missed,
        "complaint": recorder.complaint,
        "integrity": source.integrity.to_json(),
    }


def sentence(source: Source, progress: Progress) -> str:
    """What there is now, for people."""
    recorder = progress.recorder
    said = (
        f"{recorder.path}: {progress.seconds:.1f} s of {source.info.name}, {len(source.info.channels)} channels at "
        f"{source.info.rate_hz:g} Hz; {losses(source.integrity)}"
    )
    return f"{said}; {recorder.complaint}" if recorder.complaint else said


def losses(integrity: Integrity) -> str:
    """In words; "nothing lost" where that is so."""
    counted = [
        ("samples lost", integrity.lost),
        ("gaps", integrity.gaps),
        ("damaged packets", integrity.damaged),
        ("packets twice", integrity.duplicates),
        ("resynchronisations", integrity.resyncs),
        ("returns of the device", integrity.returns),
        ("saturated values", int(integrity.saturated.sum())),
        ("flat values", int(integrity.flat.sum())),
    ]
    said = [f"{what}: {count}" for what, count in counted if count]
    return ", ".join([*said, integrity.unseen] if integrity.unseen else said) or "nothing lost"


class Status:
    """One line on a terminal, drawn anew; elsewhere a line every few seconds. On stderr, without waiting for it."""

    def __init__(self, *, quiet: bool) -> None:
        self._aside = Aside(sys.stderr)
        self._live = sys.stderr.isatty()
        self._quiet = quiet and not self._live
        self._due_s = 0.0
        self._drawn = False

    def tell(self, progress: Progress) -> None:
        """Says how it goes, if it is time."""
        now = time.monotonic()
        if self._quiet or now < self._due_s:
            return
        first, self._due_s = not self._due_s, now + (_REDRAW_EVERY_S if self._live else _LINE_EVERY_S)
        if self._live:
            width = shutil.get_terminal_size().columns - 1  # a line that wraps cannot be drawn anew
            self._aside(f"\r{self._line(progress)[:width]}\x1b[K")
            self._drawn = True
        elif not first:
            self._aside(f"{self._line(progress)}\n")

    def say(self, sentence: str) -> None:
        """On a line of its own."""
        self._leave()
        self._aside(f"{sentence}\n")

    def close(self) -> None:
        """Leaves the drawn line as it is; nothing is said any more."""
        self._leave()
        self._aside.close()

    def _leave(self) -> None:
        if self._drawn:
            self._aside("\n")
        self._drawn = False

    def _line(self, progress: Progress) -> str:
        integrity, recorder = progress.integrity, progress.recorder
        minutes, tenths = divmod(int(progress.seconds * 10), 600)
        parts = [
            f"{minutes:02d}:{tenths / 10:04.1f}",
            f"{progress.measured_hz:.1f} Hz" if progress.measured_hz else "",
            losses(integrity),
            f"missed by the disk: {recorder.missed}" if recorder.missed else "",
            integrity.state,
            f"label {progress.label}" if progress.label else "",
        ]
        return " | ".join(filter(None, parts))
