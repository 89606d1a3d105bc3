"""Numbers in a line of text, separated by commas, semicolons, tabs or blanks."""

from __future__ import annotations

import math

_NUMBERS = b"0123456789+-.eE,; \t"
_BLANKS = bytes.maketrans(b",;\t", b"   ")


def split(raw: bytes) -> tuple[list[bytes], bytes]:
    """The lines in ``raw`` that are not empty, ended by CR, LF or both, and what follows the last end."""
    *lines, rest = raw.replace(b"\r", b"\n").split(b"\n")
    return [line for line in lines if line], rest


def fields(line: bytes) -> list[bytes]:
    """What stands between the separators."""
    return line.translate(_BLANKS).split()


def numbers(line: bytes) -> list[float] | None:
    """The numbers of a line, or None where any of it is something else."""
    if line.translate(None, _NUMBERS):
        return None
    try:
        values = [float(field) for field in fields(line)]
    except ValueError:
        return None
    return values if all(map(math.isfinite, values)) else None
