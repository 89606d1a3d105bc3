"""The clock of a sender that stamps its samples by one of its own, of which LSL knows nothing."""

from __future__ import annotations

STRANGE_S = 10.0
"""Stamps further than this from their arrival are on such a clock."""

JUDGE_EVERY_S = 5.0
"""How often it is compared with this machine's anew; as often as LSL's are."""


class ForeignClock:
    """Told by the earliest arrivals, which follow its drift.

    Attributes:
        offset_s: to be added to a stamp; None while the stamps are on LSL's clock.
    """

    def __init__(self) -> None:
        self.offset_s: float | None = None
        self._earliest_s = self._judge_at_s = 0.0  # of the arrivals until then, what the offset will be

    def forget(self) -> None:
        """Takes the stamps for LSL's again, until they are judged."""
        self.offset_s = None

    def judge(self, stamp: float, now: float, lsl_offset_s: float) -> None:
        """Looks at the newest stamp.

        Args:
            stamp: of the newest sample.
            now: when it arrived.
            lsl_offset_s: what would have to be added to it by LSL's clock.
        """
        if abs(stamp + lsl_offset_s - now) <= STRANGE_S:
            self.offset_s = None
            return
        offset = now - stamp
        if self.offset_s is None or now >= self._judge_at_s:
            self.offset_s = offset if self.offset_s is None else self._earliest_s
            self._earliest_s, self._judge_at_s = offset, now + JUDGE_EVERY_S
        self._earliest_s = min(self._earliest_s, offset)
        self.offset_s = min(self.offset_s, offset)
