"""What the configs of families refuse, with sentences that are the same everywhere."""

from __future__ import annotations

from collections.abc import Iterable


def at_least(low: int, **values: int) -> None:
    """Refuses values below ``low``.

    Raises:
        ValueError: names the first one.
    """
    for name, value in values.items():
        if value < low:
            raise ValueError(f"{name} is {value}; it must be at least {low}")


def positive(**values: float) -> None:
    """Refuses factors that are not above 0.

    Raises:
        ValueError: names the first one.
    """
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{name} is {value}; it must be above 0")


def share(**values: float) -> None:
    """Refuses shares that could leave nothing, such as a dropout of 1.

    Raises:
        ValueError: names the first one.
    """
    for name, value in values.items():
        if not 0 <= value < 1:
            raise ValueError(f"{name} is {value}; it must be at least 0 and below 1")


def odd(name: str, *kernels: int) -> None:
    """Refuses kernels that have no sample in their middle.

    Raises:
        ValueError: names the kernel.
    """
    for kernel in kernels:
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"{name} is {kernel}; it must be odd, so that the middle of it is a sample")


def distinct(classes: int) -> None:
    """Refuses fewer than two classes.

    Raises:
        ValueError: there is nothing to tell apart.
    """
    if classes < 2:
        raise ValueError(f"classes is {classes}; there is nothing to tell apart below 2")


def known(name: str, value: str, among: Iterable[str]) -> None:
    """Refuses a word that means nothing.

    Raises:
        ValueError: lists the known ones.
    """
    if value not in (words := list(among)):
        raise ValueError(f"{name} is {value!r}; known are {', '.join(words)}")
