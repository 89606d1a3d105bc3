"""Motor unit action potentials as electrode pairs on the skin see them.

Rosenfalck's intracellular potential ``96 z^3 exp(-z) - 90`` mV, z in mm (Acta Physiol Scand Suppl 321:1-168, 1969),
leaves the end-plate towards both tendons and is extinguished there. With ``psi`` its slope along the fibre, cut off at
end-plate and tendons, the current through the membrane is proportional to ``d psi / dz`` (Farina & Merletti, IEEE Trans
Biomed Eng 48:637-646, 2001), so that generation and extinction come by themselves. Integrated by parts, the potential
is the integral of ``psi`` times the derivative of the electrodes' sensitivity (``simulator_conductor.Field``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.simulator_conductor import Field
from devices.simulator_units import Pool
from dsp.compiled import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FIBRE_CURRENT_SM = 1.01 * np.pi * (50e-6 / 2) ** 2
"""Conductivity of the sarcoplasm, 1.01 S/m (Andreassen & Rosenfalck, by way of Nandedkar & Stalberg, Med Biol Eng
Comput 21:158-165, 1983), times the cross-section of a fibre 50 um wide (chosen here)."""
TEMPLATE_S = 0.034
"""The slowest unit of the longest muscle has reached its tendons by then."""
FINE_HZ = 2000.0
"""Action potentials hold next to nothing above half of this, so slower recordings are low-passed from here."""
_MARGIN = 6
"""Samples at each end of a template in which that low-pass rings."""
_PULSE_MM = 14.0
"""The intracellular potential is over so far behind its front (1/400 of its peak slope is left)."""


def templates(pool: Pool, field: Field, electrodes: Floats, shift_m: float, rate_hz: float) -> NDArray[np.float32]:
    """Action potential of every unit at every electrode pair.

    Args:
        pool: the units.
        field: sensitivity of one electrode pair.
        electrodes: ``(C,)`` angles of the pairs around the arm, rad.
        shift_m: how far the belt sits towards the hand.
        rate_hz: sampling rate.

    Returns:
        ``(U, L, C)`` float32 microvolts, band-limited below the Nyquist frequency.
    """
    factor = max(1, int(np.ceil(FINE_HZ / rate_hz)))
    margin = _MARGIN if factor > 1 else 0
    length = round(TEMPLATE_S * rate_hz) + 2 * margin
    places = pool.places.copy()
    places[:, :, 2:] -= shift_m
    steps = (np.arange(length * factor) - margin * factor) / (rate_hz * factor)
    microvolts = 1e6 * FIBRE_CURRENT_SM * pool.fibres / places.shape[1]
    fine = _potentials(places, pool.velocity_m_s, microvolts, electrodes, field.radii, field.orders, field.z, steps)
    taps = _low_pass_taps(factor)
    half = len(taps) // 2
    padded = np.pad(fine, ((0, 0), (half, half), (0, 0)))
    smooth = np.zeros((len(fine), length, len(electrodes)))
    for tap, weight in enumerate(taps):
        smooth += weight * padded[:, tap : tap + length * factor : factor]
    return smooth.astype(np.float32)


def _low_pass_taps(factor: int) -> Floats:
    """Windowed-sinc low-pass at 0.45 x the rate that is left after keeping each ``factor``-th sample."""
    if factor == 1:
        return np.ones(1)
    at = np.arange(-_MARGIN * factor, _MARGIN * factor + 1)
    taps = np.sinc(at * 0.9 / factor) * np.hamming(len(at))
    return np.asarray(taps / taps.sum())


def _potentials_slowly(
    places: Floats,
    velocity: Floats,
    microvolts: Floats,
    electrodes: Floats,
    radii: Floats,
    orders: Floats,
    z: Floats,
    steps: Floats,
) -> Floats:
    """``(U, L, C)``: sums over each unit's fibres what ``_travel`` gives for one."""
    units, fibres, channels = places.shape[0], places.shape[1], len(electrodes)
    out = np.zeros((units, len(steps), channels))
    step = z[1] - z[0]
    for u in range(units):
        for k in range(fibres):
            radius, angle, plate, start, end = places[u, k]
            position = (radius - radii[0]) / (radii[1] - radii[0])
            below = min(max(int(position), 0), len(radii) - 2)
            share = position - below
            first = max(int((start - z[0]) / step), 0)
            last = min(int((end - z[0]) / step) + 2, len(z))
            here = slice(first, last)  # between the tendons
            there = (1.0 - share) * orders[below, :, here] + share * orders[below + 1, :, here]
            seen = np.zeros((channels, len(z)))
            for c in range(channels):
                for n in range(orders.shape[1]):
                    weight = np.cos(n * (angle - electrodes[c]))
                    for i in range(last - first):
                        seen[c, first + i] += weight * there[n, i]
            _travel(out[u], seen.T.copy(), z, steps, plate, start, end, velocity[u], microvolts[u])
    return out


def _travel_slowly(
    out: Floats,
    seen: Floats,
    z: Floats,
    steps: Floats,
    plate: float,
    start: float,
    end: float,
    velocity: float,
    microvolts: float,
) -> None:
    """Adds one fibre: two waves leave the end-plate, and each is cut off at its tendon."""
    step = z[1] - z[0]
    for t in range(len(steps)):
        run = velocity * steps[t]
        if run <= 0.0:
            continue
        for side in (-1.0, 1.0):
            reach = end - plate if side > 0 else plate - start
            far = min(run, reach)
            near = max(run - _PULSE_MM / 1000, 0.0)
            # Grid points between the tail of the wave and its front.
            low, high = plate + side * near, plate + side * far
            first = int(np.ceil((min(low, high) - z[0]) / step))
            last = int(np.floor((max(low, high) - z[0]) / step))
            for i in range(max(first, 0), min(last + 1, len(z))):
                behind = (run - side * (z[i] - plate)) * 1000  # mm behind the front
                # Slope of 96 b^3 exp(-b) mV over b mm is V/m; it points backwards on the side towards the hand.
                slope = 96.0 * behind * behind * (3.0 - behind) * np.exp(-behind)
                source = -side * slope * step * microvolts
                for c in range(seen.shape[1]):
                    out[t, c] += source * seen[i, c]


def _superpose_slowly(out: Any, waves: Any, spikes: Ints, counts: Ints) -> None:
    """Adds ``waves[u] (L, C)`` to ``out`` at each of unit u's spikes; ``out`` is L samples longer than the stretch."""
    for u in range(len(counts)):
        for s in range(counts[u]):
            at = spikes[u, s]
            for i in range(waves.shape[1]):
                for c in range(waves.shape[2]):
                    out[at + i, c] += waves[u, i, c]


def superpose(out: NDArray[np.float64], waves: NDArray[np.float32], spikes: Ints, counts: Ints) -> None:
    """Adds each unit's action potential at each of its spikes.

    Args:
        out: ``(T + L, C)`` microvolts, changed in place.
        waves: ``(U, L, C)`` as of ``templates``.
        spikes: ``(U, S)`` as of ``Trains.fire``.
        counts: ``(U,)``.
    """
    _superpose(out, waves, spikes, counts)


_travel: Any = compiled()(_travel_slowly)
_potentials: Any = compiled()(_potentials_slowly)
_superpose: Any = compiled()(_superpose_slowly)
