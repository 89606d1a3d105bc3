"""Arms that do what a script asks for, as recordings that a device can be fed with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

import numpy as np

from devices.guiding.script import Gesture, Script
from devices.recording import Recording
from devices.simulator import SimulatedSource
from dsp.flow import Samples, StreamInfo

RATE_HZ = 250.0
INFO = StreamInfo("arm", RATE_HZ, tuple(f"ch{n}" for n in range(1, 9)))
QUICK = Script((Gesture("fist"), Gesture("open hand", "spread it")), repetitions=2, hold_s=2.0, rest_s=1.5, prepare_s=1)
LAG_S = 0.3
"""By which the arm follows a prompt."""


def asked(script: Script, order: Sequence[str] | None = None) -> Iterator[tuple[str, float]]:
    """What is asked for, for how long, where nothing is repeated, or where ``order`` is held instead."""
    held = [gesture.name for gesture in script.order()] if order is None else order
    yield "rest", script.prepare_s
    yield from chain.from_iterable((("rest", script.rest_s), (name, script.hold_s)) for name in held)
    yield "rest", script.rest_s


def arm(script: Script, holds: int, flaws: Mapping[int, str] | None = None) -> Recording:
    """Noise that is loud in each hold, some time after the prompt.

    Args:
        script: with its times.
        holds: how many are asked for, repeated ones too.
        flaws: of some of them, counted from 0: ``idle``, ``flat`` (the third channel), ``lost`` (half of it).
    """
    random = np.random.default_rng(0)
    plan = list(asked(script, ["hold"] * holds))
    level = np.concatenate([np.full(round(s * RATE_HZ), 150.0 if what == "hold" else 4.0) for what, s in plan])
    level = np.roll(level, round(LAG_S * RATE_HZ))
    edges = np.cumsum([0, *(round(s * RATE_HZ) for _, s in plan)])
    samples: Samples = random.normal(size=(len(level), 8)).astype(np.float32)
    gaps = []
    for place, flaw in (flaws or {}).items():
        begin, end = edges[2 + 2 * place], edges[3 + 2 * place]
        if flaw == "idle":
            level[begin : end + round(RATE_HZ)] = 4.0
        elif flaw == "flat":
            samples[begin:end, 2] = 0
        else:
            gaps.append((int(begin + end) // 2, int(end - begin) // 3))
    return Recording(INFO, samples * level[:, None].astype(np.float32), gaps=tuple(gaps))


def person(script: Script, number: int, rate_hz: float) -> Recording:
    """A simulated person who does what is asked for when it is asked for."""
    source = SimulatedSource(number, rate_hz=rate_hz, speed=None)
    parts, due = [], 0.0
    for what, seconds in asked(script):
        source.ask(what)
        due += seconds * rate_hz
        while sum(map(len, parts)) < due:
            chunk = source.read()
            assert chunk is not None
            parts.append(chunk.samples)
    tail = np.repeat(parts[-1][-1:], round(rate_hz), axis=0)  # a device sends on
    return Recording(source.info, np.concatenate([*parts, tail]), simulated=True)
