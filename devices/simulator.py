"""A simulator of surface EMG: people who do not exist, with arms, habits and electrodes of their own.

From the outside in:

- ``simulate`` and ``SimulatedSource`` play a script (rest, gesture, rest, ...) and label every sample by what the
  muscles truly do.
- A gesture excites ten muscles in the pattern of its person (``simulator_subject``), with another effort each time; a
  slow common drive (De Luca & Erim, Trends Neurosci 17:299-305, 1994) moves all units of a muscle together, and in
  part those of muscles that work together (De Luca & Mambrito, J Neurophysiol 58:525-542, 1987).
- Each muscle is a pool of 40-110 motor units that are recruited by size and fire irregularly (``simulator_units``).
- Each discharge sends an action potential along the unit's fibres, seen by eight bipolar electrode pairs through a
  layered arm (``simulator_conductor``); that neighbours see the same unit is crosstalk.
- Electrodes and amplifier add their noise, hum and drift (``simulator_recorder``).

A number without a source beside it is chosen here.

What it leaves out: fatigue, moving fibres (the hold is isometric), two separate bones, pennation, the heart.
The same integers give the same samples, bit for bit, on one platform and one set of library versions.
"""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from devices.integrity import Integrity
from devices.recording import Recording
from devices.simulator_anatomy import GESTURES, REST
from devices.simulator_subject import CHANNELS, Script, Subject
from dsp.flow import Chunk, Samples, StreamInfo

__all__ = ["GESTURES", "REST", "Script", "SimulatedSource", "simulate"]

MOST_REPETITIONS = 1000
"""Hours of recording; more would only fill the memory."""

_PACKET_S = 0.002
"""What comes at once, in real time; where nothing is waited for, five times as much."""

_REMEMBERED = 1000
"""Stretches whose labels a live person knows: most of an hour. The samples are read as they come."""


def _info(person: int, session: int, script: Script) -> StreamInfo:
    return StreamInfo(f"simulated person {person}, session {session}", script.rate_hz, CHANNELS)


def simulate(
    person: int,
    session: int = 1,
    *,
    repetitions: int = 3,
    hold_s: float = 4.0,
    rest_s: float = 3.0,
    rate_hz: float = 1000.0,
    gestures: Sequence[str] = GESTURES,
) -> Recording:
    """Records a simulated person: rest, gesture, rest, gesture, ..., rest.

    Args:
        person: any non-negative integer; another number is another arm.
        session: another number is another day: the belt sits elsewhere, the contacts differ.
        repetitions: how often each gesture is made; the order is shuffled anew each time.
        hold_s: seconds of each gesture, give or take a tenth.
        rest_s: seconds of each rest, give or take a tenth.
        rate_hz: sampling rate.
        gestures: some of ``GESTURES``.

    Returns:
        Eight channels in microvolts with a label for each sample, which follows the true excitation: it leaves
        "rest" with the first rise above the resting tone and returns with the end of the fall.

    Raises:
        ValueError: an argument is out of range; the message names the range.
    """
    script = Script(tuple(gestures), hold_s, rest_s, rate_hz)
    if not 1 <= repetitions <= MOST_REPETITIONS:
        raise ValueError(
            f"repetitions is {repetitions}; a simulated recording holds at least 1 of each gesture and at most "
            f"{MOST_REPETITIONS}"
        )
    subject = Subject(person, session, script)
    parts: list[Samples] = []
    labels: list[NDArray[np.int16]] = []
    for stretch in islice(subject.stretches(), 2 * repetitions * len(script.gestures) + 1):
        for samples, label in subject.play(stretch):
            parts.append(samples)
            labels.append(np.full(len(samples), label, np.int16))
    return Recording(
        info=_info(person, session, script),
        samples=np.concatenate(parts),
        names=script.names,
        labels=np.concatenate(labels),
        person=f"sim{person}",
        session=str(session),
        simulated=True,
    )


class SimulatedSource:
    """A simulated person, live and without end; a ``devices.source.Source``.

    Its samples are those of ``simulate`` with the same arguments, which only stops earlier.
    """

    def __init__(
        self,
        person: int,
        session: int = 1,
        *,
        hold_s: float = 4.0,
        rest_s: float = 3.0,
        rate_hz: float = 1000.0,
        gestures: Sequence[str] = GESTURES,
        speed: float | None = 1.0,
    ) -> None:
        """Builds the arm, which takes about a second; the clock starts with the first ``read``.

        Args:
            person: as of ``simulate``, and so the next five.
            session: which day.
            hold_s: seconds of each gesture.
            rest_s: seconds of each rest.
            rate_hz: sampling rate.
            gestures: some of ``GESTURES``.
            speed: 1.0 is real time, 2.0 twice as fast, None as fast as possible.

        Raises:
            ValueError: an argument is out of range.
        """
        if speed is not None and not speed > 0:
            raise ValueError(f"speed is {speed:g}; give a number above zero, or none for as fast as possible")
        script = Script(tuple(gestures), hold_s, rest_s, rate_hz)
        self._subject = subject = Subject(person, session, script)
        self._asked: int | None = None
        self.names = script.names
        self.simulated = True
        self._shown: tuple[tuple[int, str], ...] = ()  # replaced and never changed, since other threads look at it
        self._info = _info(person, session, script)
        self._speed = speed
        self._blocks: Iterator[tuple[Samples, int]] = (
            block for stretch in subject.stretches() for block in subject.play(stretch)
        )
        self._block, self._used = np.empty((0, len(CHANNELS)), np.float32), 0
        self._first = 0
        self._start: float | None = None
        self._closed = threading.Event()
        self._integrity = Integrity(len(CHANNELS))

    def ask(self, gesture: str) -> None:
        """See ``devices.source.Obliging``; with the first call the script is given up."""
        if gesture not in self.names:
            raise ValueError(f"the simulator does not know {gesture!r}; it knows {', '.join(self.names)}")
        if self._asked is None:
            self._blocks = self._subject.obey(lambda: self._asked or 0)
        self._asked = self.names.index(gesture)

    @property
    def info(self) -> StreamInfo:
        """Rate, channels and the name of the simulated person."""
        return self._info

    @property
    def integrity(self) -> Integrity:
        """See ``Source``; a simulated person loses nothing."""
        return self._integrity

    def read(self) -> Chunk | None:
        """Waits for the next packet; ``label`` then knows what the person was doing.

        Returns:
            The chunk, an empty one where 0.1 s was not enough (a speed far below 1), or None after ``close``.
        """
        if self._closed.is_set():
            return None
        if self._used == len(self._block):
            (self._block, label), self._used = next(self._blocks), 0
            if not self._shown or self._shown[-1][1] != self.names[label]:
                self._shown = (*self._shown[-_REMEMBERED:], (self._first, self.names[label]))
        packet_s = _PACKET_S * (self._speed or 5.0)
        count = min(max(1, round(packet_s * self._info.rate_hz)), len(self._block) - self._used)
        if not self._wait_for(self._first + count):
            return None if self._closed.is_set() else Chunk(self._block[:0], self._first)
        samples = self._block[self._used : self._used + count]
        # When each was due: the wait for the rest of the chunk, and the lateness of a reader, are found in them.
        stamps = None if self._speed is None else self._due(self._first + np.arange(1, count + 1))
        chunk = Chunk(samples, self._first, stamps)
        self._used += count
        self._first += count
        return chunk

    def label(self, first: int, end: int) -> str | None:
        """See ``devices.source.Labelled``; a tie goes to what comes first among ``names``; unknown an hour later."""
        counts = dict.fromkeys(self.names, 0)
        shown = self._shown
        at = max(bisect_right(shown, first, key=itemgetter(0)) - 1, 0)
        for (begin, name), (stop, _) in pairwise((*shown[at:], (end, ""))):
            if begin >= end:
                break
            counts[name] += max(0, min(stop, end) - max(begin, first))
        return max(self.names, key=counts.__getitem__) if any(counts.values()) else None

    def close(self) -> None:
        """Ends the stream, and a waiting ``read``."""
        self._closed.set()

    def _wait_for(self, end: int) -> bool:
        """True once the sample before ``end`` is due; False after 0.1 s or on ``close``."""
        if self._speed is None:
            return True
        due = float(self._due(np.array([end]))[0])
        patience = min(due - time.perf_counter(), 0.1)
        if patience > 0 and self._closed.wait(patience):
            return False
        return time.perf_counter() >= due

    def _due(self, ends: NDArray[np.int64]) -> NDArray[np.float64]:
        """When the samples before ``ends`` are due; the clock starts with the first one."""
        if self._start is None:
            self._start = time.perf_counter()
        return self._start + ends / (self._info.rate_hz * (self._speed or math.inf))
