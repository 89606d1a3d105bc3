"""What a person types while recording: the number or the name of a label, and Enter."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Sequence

from devices.formats.writer_layout import LONGEST_LABEL

_MOST = 100  # lines that may wait; whoever sends more is held up


def parse_labels(text: str) -> tuple[str, ...]:
    """The labels in a list like ``rest,fist,open``.

    Raises:
        ValueError: one is empty, too long, or given twice.
    """
    labels = tuple(" ".join(part.split()) for part in text.split(","))
    if not all(labels):
        raise ValueError(f"one of the labels in {text!r} is empty; give them like rest,fist,open")
    if long := next((label for label in labels if len(label) > LONGEST_LABEL), None):
        raise ValueError(f"the label {long!r} has {len(long)} characters, more than the {LONGEST_LABEL} that are kept")
    if twice := next((label for at, label in enumerate(labels) if label in labels[:at]), None):
        raise ValueError(f"the label {twice!r} is given twice; each one needs a name of its own")
    return labels


def menu(labels: Sequence[str]) -> str:
    """What can be typed, on one line."""
    return ", ".join([*(f"{at} {label}" for at, label in enumerate(labels, 1)), "0 none"])


def chosen(typed: str, labels: Sequence[str]) -> str | None:
    """The label that is meant, "" for none, or None where it is not known; a name goes before a number."""
    word = " ".join(typed.split())
    for label in labels:
        if label.casefold() == word.casefold():
            return label
    if word in {"", "0"}:
        return ""
    if word.isascii() and word.isdigit() and 1 <= int(word) <= len(labels):
        return labels[int(word) - 1]
    return None


class TypedLines:
    """The lines that come through a file descriptor, read by a thread so that nobody waits for them.

    It reads the descriptor itself: a thread that sleeps in ``sys.stdin`` would hold up the end of the program.
    """

    def __init__(self, descriptor: int = 0) -> None:
        self._lines: queue.Queue[str] = queue.Queue(_MOST)
        self._descriptor = descriptor
        self._thread = threading.Thread(target=self._read, name="typed", daemon=True)
        self._thread.start()

    def take(self) -> list[str]:
        """Those that have come since the last call, or ``_MOST`` of them."""
        return [self._lines.get() for _ in range(self._lines.qsize())]

    def join(self, timeout_s: float = 10.0) -> None:
        """Waits for the end of what is read."""
        self._thread.join(timeout_s)

    def _read(self) -> None:
        rest = b""
        while True:
            try:
                raw = os.read(self._descriptor, 4096)
            except OSError:  # closed, or a terminal that belongs to another program now
                return
            if not raw:
                return
            *whole, rest = (rest + raw).split(b"\n")
            for line in whole:
                self._lines.put(line.decode(errors="replace"))
