"""What makes the stamps of an LSL stream times on this machine's clock."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

from devices.lsl.library import load_pylsl, offset_s

EVERY_S = 5.0
"""How often the offset is measured anew; liblsl itself does so about as often."""

FIRST_S = 3.0
"""How long the first measurement may take."""

_AGAIN_S = 1.0
_SOON_S = 0.5
_JOIN_S = 1.5


class Clock:
    """The offset between the clock of an inlet's sender and ``time.perf_counter``, kept up to date by a thread.

    Measuring may wait for the network, which nothing that reads samples should.

    Args:
        inlet: pylsl's, open.
        known_s: an offset to begin with; if None, it is measured first, which takes about half a second.

    Raises:
        ValueError: the sender does not answer.

    Attributes:
        offset_s: to be added to a stamp.
    """

    def __init__(self, inlet: Any, known_s: float | None = None) -> None:
        self._pylsl = load_pylsl()
        self._inlet = inlet
        if known_s is None:
            try:
                known_s = self._measure(FIRST_S)
            except RuntimeError:  # all of pylsl's errors
                raise ValueError(
                    "the sender of the LSL stream does not answer when asked for its clock; start it again, "
                    "and let the firewall pass (UDP 16572-16604)"
                ) from None
        self.offset_s = known_s
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="LSL clock", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops measuring."""
        self._ending.set()
        self._thread.join(_JOIN_S)

    def _measure(self, within_s: float) -> float:
        correction: float = self._inlet.time_correction(within_s)
        return correction + offset_s(self._pylsl)

    def _follow(self) -> None:
        wait_s = _SOON_S
        while not self._ending.wait(wait_s):
            with suppress(RuntimeError):  # it is gone or does not answer; whoever reads will notice
                self.offset_s = self._measure(_AGAIN_S)
            wait_s = EVERY_S
