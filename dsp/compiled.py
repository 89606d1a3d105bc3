"""Compiled functions, kept on disk between runs where there is a place for them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar


def _load_numba() -> None:
    """Loads Numba, but not SciPy with it.

    Numba asks SciPy for its linear algebra, which no kernel here uses: a fifth of a second at every start of a live
    program. Where Numba or SciPy is loaded already, nothing is changed.
    """
    if "scipy" in sys.modules or "numba" in sys.modules:
        return
    sys.modules["scipy"] = None  # type: ignore[assignment]  # "import scipy" fails: Numba is prepared for it
    try:
        import_module("numba.np.arraymath")
    finally:
        del sys.modules["scipy"]


_load_numba()

from numba import config, njit  # noqa: E402 - what is above has to come first

__all__ = ["compiled", "config"]

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(**options: Any) -> Callable[[Function], Function]:
    """``numba.njit`` with its cache on disk, or without where neither the checkout nor the home can be written.

    Args:
        options: of ``njit``.
    """

    def compile_lazily(function: Function) -> Function:
        kernel: Function
        try:
            kernel = njit(cache=True, **options)(function)
        except RuntimeError:  # "no locator available": every run compiles anew, a second or two
            kernel = njit(**options)(function)
        return kernel

    return compile_lazily
