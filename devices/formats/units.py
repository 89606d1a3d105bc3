"""What a file says of its rate and unit, what the user says, and that the two agree."""

from __future__ import annotations

import math

_MICROVOLTS = {"uv": 1.0, "µv": 1.0, "μv": 1.0, "mv": 1e3, "v": 1e6}  # micro sign and Greek mu, both lower case
_MICROVOLTS |= {"microvolt": 1.0, "microvolts": 1.0, "millivolt": 1e3, "millivolts": 1e3, "volt": 1e6, "volts": 1e6}
UNITS = ("uV", "mV", "V")
SLOWEST_HZ, FASTEST_HZ = 1e-3, 1e6
"""Rates beyond are a slip of the pen."""


def is_voltage(unit: str) -> bool:
    """Whether ``microvolts`` knows the unit."""
    return unit.strip().lower() in _MICROVOLTS


def microvolts(unit: str, where: str) -> float:
    """Microvolts in one ``unit``: ``"uV"``, ``"mV"`` or ``"V"``, in any case, also with a Greek mu or spelled out.

    Args:
        unit: the unit.
        where: the file, for the error.

    Raises:
        ValueError: the unit is not known.
    """
    try:
        return _MICROVOLTS[unit.strip().lower()]
    except KeyError:
        raise ValueError(f"{where!r} cannot be in {unit!r}; known units are {', '.join(UNITS)}") from None


def settled_unit(where: str, known: str | None, given: str | None) -> float:
    """Microvolts per unit of a file's numbers.

    Args:
        where: the file, for the error.
        known: what the file says, or None.
        given: what the user says, or None.

    Raises:
        ValueError: neither says it, or they contradict each other.
    """
    unit = known if given is None else given
    if unit is None:
        raise ValueError(f"{where!r} does not say the unit of its samples; give it with --unit {'|'.join(UNITS)}")
    scale = microvolts(unit, where)
    if known is not None and scale != microvolts(known, where):
        raise ValueError(f"{where!r} is in {known}, but --unit says {unit}; leave --unit out or correct the file")
    return scale


def settled_rate(where: str, known: float | None, given: float | None, *, tolerance: float = 1e-6) -> float:
    """The sampling rate of a file in hertz.

    Args:
        where: the file, for the error.
        known: what the file says, or None.
        given: what the user says, or None; it wins where both agree within ``tolerance``.
        tolerance: relative.

    Raises:
        ValueError: neither says it, they contradict each other, or nothing is sampled at such a rate.
    """
    rate = known if given is None else given
    if rate is None:
        raise ValueError(f"{where!r} does not say its sampling rate; give it with --rate HZ")
    if not SLOWEST_HZ <= rate <= FASTEST_HZ:
        raise ValueError(
            f"{where!r} cannot have a sampling rate of {rate:g} Hz; it must be above zero, from {SLOWEST_HZ:g} to "
            f"{FASTEST_HZ:.0f} Hz"
        )
    if known is not None and not math.isclose(rate, known, rel_tol=tolerance):
        raise ValueError(
            f"{where!r} was sampled at {known:g} Hz, but --rate says {rate:g} Hz; leave --rate out or correct the file"
        )
    return rate
