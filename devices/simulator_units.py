"""Motor units: who they are, where their fibres run, and when they fire.

After Fuglevand, Winter & Patla, "Models of recruitment and rate coding organization in motor-unit pools",
J Neurophysiol 70:2470-2488, 1993: recruitment thresholds ``exp(i ln(RR) / n)``, many small and few large; sizes a
hundredfold from first to last in the same order (Henneman's size principle; in the paper, the range of twitch forces);
rates that rise from 8 Hz by ``GAIN`` for each unit of excitation to a peak of 35 Hz for the first and 25 Hz for the
last unit; gaussian inter-spike intervals. Their coefficient of variation, 0.2, is settled here, and so are the numbers
of units and the scatter of their fibres.

Conduction velocity rises with size as well: Andreassen & Arendt-Nielsen (J Physiol 391:561-571, 1987) found 2.6-5.3 m/s
among units of one muscle, highly correlated with twitch torque. Here it rises by 0.8 m/s over a pool.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.simulator_anatomy import Arm, Muscle
from dsp.compiled import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RECRUITMENT_RANGE = 30.0
SIZE_RANGE = 100.0
GAIN = 1.0
SLOWEST_HZ = 8.0
FASTEST_HZ = (35.0, 25.0)
"""Peak rates of the first and of the last unit recruited."""
INTERVAL_VARIATION = 0.2
EXCITATION_MAX = RECRUITMENT_RANGE + (FASTEST_HZ[1] - SLOWEST_HZ) / GAIN
"""Drives the last unit at its peak rate; "1.0" of a muscle."""

FIBRES_MM2 = 250.0
"""Muscle fibres in a square millimetre. Chosen here, between the 200 of NeuroMotion (see ``simulator_anatomy``) and the
400 of simulators of needle EMG; it gives a muscle tens of thousands; Feinstein et al. (Acta Anat 23:127-142, 1955)
counted some 40 000 in the first dorsal interosseous."""
UNIT_FIBRES_MM2 = 20.0
"""Fibres of one unit in a square millimetre of its territory (Fuglevand et al. 1993)."""
FIBRES_DRAWN = 12
"""A unit's fibres are represented by so many at random places in its territory."""
UNITS_MM2 = 0.6
LEAST_UNITS = 40
MOST_UNITS = 110
"""A muscle has so many units for each square millimetre, within these limits (chosen here; Feinstein et al. counted
some 120 in the first dorsal interosseous)."""


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Every motor unit of an arm, ordered by muscle and, within a muscle, by size.

    Attributes:
        muscle: ``(U,)`` index of its muscle.
        threshold: ``(U,)`` excitation at which it is recruited, 1 to ``RECRUITMENT_RANGE``.
        peak_hz: ``(U,)`` its highest rate.
        fibres: ``(U,)`` how many it has.
        velocity_m_s: ``(U,)`` conduction velocity.
        places: ``(U, K, 5)`` of each representative fibre: radius, angle (rad), end-plate, proximal and distal tendon
            (metres along the arm from the electrodes).
    """

    muscle: Ints
    threshold: Floats
    peak_hz: Floats
    fibres: Floats
    velocity_m_s: Floats
    places: Floats


def draw_pool(arm: Arm, rng: np.random.Generator) -> Pool:
    """The motor units of ``arm``."""
    parts = [_draw_muscle(arm, index, muscle, rng) for index, muscle in enumerate(arm.muscles)]
    return Pool(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _draw_muscle(arm: Arm, index: int, muscle: Muscle, rng: np.random.Generator) -> tuple[Any, ...]:
    count = int(np.clip(muscle.area_mm2 * UNITS_MM2, LEAST_UNITS, MOST_UNITS))
    rank = np.arange(1, count + 1) / count
    threshold = np.exp(np.log(RECRUITMENT_RANGE) * rank)
    sizes = np.exp(np.log(SIZE_RANGE) * rank)
    fibres = sizes / sizes.sum() * muscle.area_mm2 * FIBRES_MM2
    peak = FASTEST_HZ[0] - (FASTEST_HZ[0] - FASTEST_HZ[1]) * threshold / RECRUITMENT_RANGE
    velocity = arm.velocity_m_s + 0.8 * (rank - 0.5) + rng.normal(0.0, 0.15, count)
    places = np.stack([_draw_fibres(arm, muscle, n, rng) for n in fibres])
    return np.full(count, index), threshold, peak, fibres, velocity, places


def _draw_fibres(arm: Arm, muscle: Muscle, fibres: float, rng: np.random.Generator) -> Floats:
    """``(K, 5)`` representative fibres of one unit; see ``Pool.places``."""
    halves = np.array([muscle.half_depth_mm, muscle.half_width_mm])
    territory = np.sqrt(fibres / (UNIT_FIBRES_MM2 * np.pi))
    centre = _in_disc(1, rng) * np.maximum(halves - territory, 0.3 * halves)
    offset = centre + _in_disc(FIBRES_DRAWN, rng) * np.minimum(territory, halves)
    outside = np.maximum(np.sqrt(((offset / halves) ** 2).sum(axis=1)), 1.0)
    offset /= outside[:, None]
    radius = arm.layers.muscle - (muscle.depth_mm + offset[:, 0]) / 1000
    radius = np.clip(radius, arm.layers.bone + 1e-3, arm.layers.muscle - 1e-3)
    centre_radius = max(arm.layers.muscle - muscle.depth_mm / 1000, 0.01)
    angle = np.deg2rad(muscle.angle_deg) + offset[:, 1] / 1000 / centre_radius
    # Fascicles are staggered along the belly, and each unit's end-plates lie in a band of some millimetres.
    plate = (muscle.end_plates_mm + rng.normal(0.0, 8.0) + rng.normal(0.0, 4.0, FIBRES_DRAWN)) / 1000
    half = muscle.fibre_mm / 2000
    ends = rng.normal(0.0, 0.006, (2, FIBRES_DRAWN))
    return np.stack([radius, angle, plate, plate - half + ends[0], plate + half + ends[1]], axis=1)


def _in_disc(count: int, rng: np.random.Generator) -> Floats:
    """``(count, 2)`` points spread evenly over the unit disc."""
    radius, angle = np.sqrt(rng.random(count)), 2 * np.pi * rng.random(count)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _fire_slowly(
    excitation: Floats,
    pool_muscle: Ints,
    threshold: Floats,
    peak_hz: Floats,
    rate_hz: float,
    phase: Floats,
    goal: Floats,
    deviates: Floats,
    spikes: Ints,
    counts: Ints,
) -> None:
    """Fills ``spikes (U, S)`` and ``counts (U,)``; ``phase`` and ``goal`` (U,) carry over to the next call."""
    for u in range(len(threshold)):
        counts[u] = 0
        for t in range(len(excitation)):
            above = excitation[t, pool_muscle[u]] - threshold[u]
            if above < 0.0:
                continue
            phase[u] += min(SLOWEST_HZ + GAIN * above, peak_hz[u]) / rate_hz
            if phase[u] >= goal[u] and counts[u] < spikes.shape[1]:
                phase[u] -= goal[u]
                goal[u] = 1.0 + INTERVAL_VARIATION * deviates[u, counts[u]]
                spikes[u, counts[u]] = t
                counts[u] += 1


_fire: Any = compiled()(_fire_slowly)


class Trains:
    """The firing of a pool through time, in stretches that join without a seam."""

    def __init__(self, pool: Pool, rate_hz: float, rng: np.random.Generator) -> None:
        self.pool, self.rate_hz, self.rng = pool, rate_hz, rng
        self.phase = rng.random(len(pool.threshold))
        self.goal = np.ones(len(pool.threshold))

    def fire(self, excitation: Floats) -> tuple[Ints, Ints]:
        """Spikes under ``(T, M)`` excitation of the muscles, 0 to 1.

        Returns:
            ``(U, S)`` sample of each spike, and ``(U,)`` how many of a row are filled.
        """
        units = len(self.pool.threshold)
        room = int(len(excitation) / self.rate_hz * 1.5 * FASTEST_HZ[0]) + 20
        # Gaussian, cut at three deviations: an interval is never shorter than 0.4 of its mean.
        deviates = np.clip(self.rng.standard_normal((units, room)), -3.0, 3.0)
        spikes, counts = np.zeros((units, room), np.int64), np.zeros(units, np.int64)
        _fire(
            excitation * EXCITATION_MAX,
            self.pool.muscle,
            self.pool.threshold,
            self.pool.peak_hz,
            self.rate_hz,
            self.phase,
            self.goal,
            deviates,
            spikes,
            counts,
        )
        return spikes, counts
