"""A simulator of surface EMG: people who do not exist, with arms, habits and electrodes of their own.

From the outside in:

- ``simulate`` and ``SimulatedSource`` play a script (rest, gesture, rest, ...) and label every sample by what the
  muscles truly do.
- A gesture excites ten muscles in the pattern of its person, with another effort each time; a slow common drive
  (De Luca & Erim, Trends Neurosci 17:299-305, 1994) moves all units of a muscle together, and in part those of
  muscles that work together (De Luca & Mambrito, J Neurophysiol 58:525-542, 1987).
- Each muscle is a pool of 40-110 motor units that are recruited by size and fire irregularly (``simulator_units``).
- Each discharge sends an action potential along the unit's fibres, seen by eight bipolar electrode pairs through a
  layered arm (``simulator_conductor``); that neighbours see the same unit is crosstalk.
- Electrodes and amplifier add their noise, hum and drift (``simulator_recorder``).

A number without a source beside it is chosen here.

What it leaves out: fatigue, moving fibres (the hold is isometric), two separate bones, pennation, the heart.
The same integers give the same samples, bit for bit, on one platform and one set of library versions.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from devices.recording import Recording
from devices.simulator_anatomy import GESTURES, REST, Arm, draw_arm
from devices.simulator_conductor import bipolar_field
from devices.simulator_potentials import superpose, templates
from devices.simulator_recorder import Recorder, draw_setup, low_passed
from devices.simulator_units import Trains, draw_pool
from dsp.flow import Chunk, Samples, StreamInfo

__all__ = ["GESTURES", "REST", "Script", "SimulatedSource", "simulate"]

CHANNELS = tuple(f"ch{n}" for n in range(1, 9))
"""Channel 1 lies near the volar midline, the others follow towards the radial side."""

Floats = NDArray[np.float64]

MOST_REPETITIONS = 1000
"""Hours of recording; more would only fill the memory."""

_RISE_S = (0.12, 0.30)
_BLOCK_S = 0.25
_CHUNK_S = 0.01
_DRIVE_HZ = np.array([0.4, 2.0])


@dataclass(frozen=True, slots=True)
class Script:
    """What the simulated person is asked to do: in each round every gesture once, in an order of its own.

    Attributes:
        gestures: some of ``GESTURES``.
        hold_s: how long a gesture is held, its rise and fall included; varies by a tenth.
        rest_s: how long the rest before it is; varies by a tenth.
        rate_hz: sampling rate.
    """

    gestures: tuple[str, ...] = GESTURES
    hold_s: float = 4.0
    rest_s: float = 3.0
    rate_hz: float = 1000.0

    def __post_init__(self) -> None:
        if unknown := [g for g in self.gestures if g not in GESTURES]:
            raise ValueError(f"the simulator does not know {', '.join(unknown)}; it knows {', '.join(GESTURES)}")
        if not self.gestures or len(set(self.gestures)) != len(self.gestures):
            raise ValueError(f"the simulator needs each gesture once, from {', '.join(GESTURES)}")
        if not 1.0 <= self.hold_s <= 60.0:
            raise ValueError(f"hold_s is {self.hold_s:g}; a simulated gesture lasts 1 to 60 seconds")
        if not 0.5 <= self.rest_s <= 60.0:
            raise ValueError(f"rest_s is {self.rest_s:g}; a simulated rest lasts 0.5 to 60 seconds")
        if not 100.0 <= self.rate_hz <= 10_000.0:
            raise ValueError(f"rate_hz is {self.rate_hz:g}; the simulator runs at 100 to 10000 Hz")

    @property
    def names(self) -> tuple[str, ...]:
        """What labels point to: rest, then the gestures."""
        return (REST, *self.gestures)


class _Stretch(NamedTuple):
    """Excitation ``(T, M)`` and artefact ``(T, C)`` of one rest or one gesture, and its label."""

    excitation: Floats
    artefact: Floats
    label: int


class _Subject:
    """A person at work: everything that lasts from one block to the next."""

    def __init__(self, person: int, session: int, script: Script) -> None:
        if person < 0 or session < 0:
            raise ValueError(
                f"there is no simulated person {person} with session {session}; both are numbered 0, 1, 2, ..."
            )
        self.script = script
        self.arm: Arm = draw_arm(person)
        pool = draw_pool(self.arm, np.random.default_rng(np.random.SeedSequence([3, person])))
        setup = draw_setup(person, session)
        field = bipolar_field(self.arm.layers)
        self.waves = templates(pool, field, setup.electrodes, setup.shift_m, script.rate_hz)
        self.rng = np.random.default_rng(np.random.SeedSequence([4, person, session]))
        self.trains = Trains(pool, script.rate_hz, self.rng)
        self.recorder = Recorder(setup, script.rate_hz, self.rng)
        self.drive = self.rng.standard_normal((len(_DRIVE_HZ), len(self.arm.muscles) + 1))
        self.tail = np.zeros(self.waves.shape[1:])
        self.effort = self.rng.normal(0.0, 0.08, len(script.gestures))

    def stretches(self) -> Iterator[_Stretch]:
        """Endless: a rest before each gesture, every gesture once before any comes again."""
        while True:
            for index in self.rng.permutation(len(self.script.gestures)):
                yield self._rest()
                yield self._gesture(int(index))

    def _length(self, seconds: float) -> int:
        return round(seconds * self.rng.uniform(0.9, 1.1) * self.script.rate_hz)

    def _rest(self) -> _Stretch:
        length = self._length(self.script.rest_s)
        return _Stretch(self._driven(np.tile(self.arm.tone, (length, 1))), self.recorder.jolt(length), 0)

    def _gesture(self, index: int) -> _Stretch:
        length = self._length(self.script.hold_s)
        pattern = self.arm.synergies[GESTURES.index(self.script.gestures[index])]
        effort = np.exp(self.effort[index] + self.rng.normal(0.0, 0.22))
        pattern = np.clip(pattern * effort * np.exp(self.rng.normal(0.0, 0.18, len(pattern))), 0.0, 0.95)
        active = self._profile(length)[:, None] * self._driven(np.tile(pattern, (length, 1)))
        return _Stretch(np.maximum(active, self.arm.tone), self.recorder.jolt(length), 1 + index)

    def _profile(self, length: int) -> Floats:
        """0 ... 1 ... 0: smooth rise and fall of 120-300 ms, and a slow change of effort between them."""
        rise, fall = (round(self.rng.uniform(*_RISE_S) * self.script.rate_hz) for _ in range(2))
        profile: Floats = np.linspace(1.0, np.exp(self.rng.normal(0.0, 0.08)), length)
        profile[:rise] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / rise)
        profile[length - fall :] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(fall) / fall)
        return profile

    def _driven(self, excitation: Floats) -> Floats:
        """Common drive: 6 % slow fluctuation, half of its variance shared by all muscles (both chosen here)."""
        length, muscles = excitation.shape
        white = self.rng.standard_normal((length, muscles + 1, len(_DRIVE_HZ)))
        slow = low_passed(white, _DRIVE_HZ, self.script.rate_hz, self.drive) / np.sqrt(len(_DRIVE_HZ))
        driven: Floats = excitation * (1.0 + 0.06 * (slow[:, 1:] + slow[:, :1]) / np.sqrt(2.0))
        return np.clip(driven, 0.0, 1.0)

    def play(self, stretch: _Stretch) -> Iterator[tuple[Samples, int]]:
        """The stretch as recorded, in blocks, each with its label."""
        block = max(1, round(_BLOCK_S * self.script.rate_hz))
        for first in range(0, len(stretch.excitation), block):
            excitation = stretch.excitation[first : first + block]
            spikes, counts = self.trains.fire(excitation)
            potentials = np.zeros((len(excitation) + len(self.tail), len(CHANNELS)))
            potentials[: len(self.tail)] += self.tail
            superpose(potentials, self.waves, spikes, counts)
            self.tail = potentials[len(excitation) :]
            skin = potentials[: len(excitation)] + stretch.artefact[first : first + block]
            yield self.recorder.record(skin), stretch.label


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
    subject = _Subject(person, session, script)
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
        subject = _Subject(person, session, script)
        self.names = script.names
        self.label = REST
        self._info = _info(person, session, script)
        self._speed = speed
        self._blocks = (block for stretch in subject.stretches() for block in subject.play(stretch))
        self._block, self._used = np.empty((0, len(CHANNELS)), np.float32), 0
        self._first = 0
        self._start: float | None = None
        self._closed = threading.Event()

    @property
    def info(self) -> StreamInfo:
        """Rate, channels and the name of the simulated person."""
        return self._info

    def read(self) -> Chunk | None:
        """Waits for the next 10 ms; ``label`` then says what the person was doing.

        Returns:
            The chunk, an empty one where 0.1 s was not enough (a speed far below 1), or None after ``close``.
        """
        if self._closed.is_set():
            return None
        if self._used == len(self._block):
            (self._block, label), self._used = next(self._blocks), 0
            self.label = self.names[label]
        count = min(max(1, round(_CHUNK_S * self._info.rate_hz)), len(self._block) - self._used)
        if not self._wait_for(self._first + count):
            return None if self._closed.is_set() else Chunk(self._block[:0], self._first)
        samples = self._block[self._used : self._used + count]
        stamps = None if self._speed is None else np.full(count, time.perf_counter())
        chunk = Chunk(samples, self._first, stamps)
        self._used += count
        self._first += count
        return chunk

    def close(self) -> None:
        """Ends the stream, and a waiting ``read``."""
        self._closed.set()

    def _wait_for(self, end: int) -> bool:
        """True once the sample before ``end`` is due; False after 0.1 s or on ``close``."""
        if self._speed is None:
            return True
        if self._start is None:
            self._start = time.perf_counter()
        due = self._start + end / (self._info.rate_hz * self._speed)
        patience = min(due - time.perf_counter(), 0.1)
        if patience > 0 and self._closed.wait(patience):
            return False
        return time.perf_counter() >= due
