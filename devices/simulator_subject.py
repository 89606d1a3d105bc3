"""A simulated person at work: a script of rests and gestures, excitation of the muscles, and what the belt records."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from devices.simulator_anatomy import GESTURES, REST, Arm, draw_arm
from devices.simulator_conductor import bipolar_field
from devices.simulator_potentials import superpose, templates
from devices.simulator_recorder import Recorder, draw_setup, low_passed
from devices.simulator_units import Trains, draw_pool
from dsp.flow import Samples

CHANNELS = tuple(f"ch{n}" for n in range(1, 9))
"""Channel 1 lies near the volar midline, the others follow towards the radial side."""

Floats = NDArray[np.float64]

_RISE_S = (0.12, 0.30)
_BLOCK_S = 0.25
_GLANCE_S = 0.1
_SWING_S = 1.0
_REACTION_S = 0.2
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


class Stretch(NamedTuple):
    """Excitation ``(T, M)`` and artefact ``(T, C)`` of one rest or one gesture, and its label."""

    excitation: Floats
    artefact: Floats
    label: int


class Subject:
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

    def stretches(self) -> Iterator[Stretch]:
        """Endless: a rest before each gesture, every gesture once before any comes again."""
        while True:
            for index in self.rng.permutation(len(self.script.gestures)):
                yield self._rest()
                yield self._gesture(int(index))

    def obey(self, asked: Callable[[], int]) -> Iterator[tuple[Samples, int]]:
        """Endless: does what it is asked to, after the time to react and that which a muscle takes to rise and fall.

        Args:
            asked: index into ``Script.names``; looked at every tenth of a second.

        Yields:
            As ``play`` does.
        """
        length = max(1, round(_GLANCE_S * self.script.rate_hz))
        doing, level, turns_s = 0, 0.0, 0.0
        pattern, swing = self.arm.tone, self.recorder.jolt(length)
        seen = deque([0] * round(_REACTION_S / _GLANCE_S))
        while True:
            seen.append(asked())
            wanted = seen.popleft()
            if wanted != doing and not level:
                doing, pattern = wanted, self._pattern(wanted - 1) if wanted else self.arm.tone
                swing, turns_s = self._swing(), self.rng.uniform(*_RISE_S)
            elif wanted != doing and level == 1:
                swing, turns_s = self._swing(), self.rng.uniform(*_RISE_S)
            step = (1 if wanted == doing and doing else -1) / (max(turns_s, _GLANCE_S) * self.script.rate_hz)
            ramp = np.clip(level + step * np.arange(1, length + 1), 0.0, 1.0)
            level = float(ramp[-1])
            active = (0.5 - 0.5 * np.cos(np.pi * ramp))[:, None] * pattern
            swing = np.concatenate([swing, np.zeros((length, len(CHANNELS)))])
            label = doing if ramp.any() else 0
            yield from self.play(Stretch(self._driven(np.maximum(active, self.arm.tone)), swing[:length], label))
            swing = swing[length:]

    def _swing(self) -> Floats:
        return self.recorder.jolt(round(_SWING_S * self.script.rate_hz))

    def _length(self, seconds: float) -> int:
        return round(seconds * self.rng.uniform(0.9, 1.1) * self.script.rate_hz)

    def _rest(self) -> Stretch:
        length = self._length(self.script.rest_s)
        return Stretch(self._driven(np.tile(self.arm.tone, (length, 1))), self.recorder.jolt(length), 0)

    def _gesture(self, index: int) -> Stretch:
        length = self._length(self.script.hold_s)
        pattern = self._pattern(index)
        active = self._profile(length)[:, None] * self._driven(np.tile(pattern, (length, 1)))
        return Stretch(np.maximum(active, self.arm.tone), self.recorder.jolt(length), 1 + index)

    def _pattern(self, index: int) -> Floats:
        """How much each muscle does in a gesture, this time."""
        pattern = self.arm.synergies[GESTURES.index(self.script.gestures[index])]
        effort = np.exp(self.effort[index] + self.rng.normal(0.0, 0.22))
        done: Floats = np.clip(pattern * effort * np.exp(self.rng.normal(0.0, 0.18, len(pattern))), 0.0, 0.95)
        return done

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

    def play(self, stretch: Stretch) -> Iterator[tuple[Samples, int]]:
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
