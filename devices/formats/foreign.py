"""Around other people's readers: whatever they raise on a damaged file becomes one sentence."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def reading(where: str, what: str) -> Iterator[None]:
    """Runs a library on a file that may be damaged; its warnings are kept quiet.

    Args:
        where: the file.
        what: it should be, such as "BDF file".

    Raises:
        ValueError: in place of any exception; one of ours, which begins with the file's name, stays as it is.
    """
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    except Exception as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        if isinstance(error, ValueError) and reason.startswith(repr(where)[:100]):
            raise
        raise ValueError(f"{where!r} is no {what} that can be read: {reason}") from None
