"""Compiled functions, kept on disk between runs where there is a place for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

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
