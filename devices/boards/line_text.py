"""Numbers in a line of text, separated by commas, semicolons, tabs or blanks."""

from __future__ import annotations

_NUMBERS = b"0123456789+-.eE,; \t"
_BLANKS = bytes.maketrans(b",;\t", b"   ")
_LARGEST = 1e30  # what is larger does not fit a float32 in microvolts
_NO_READING = (b"nan", b"inf", b"ovf", b"infinity")  # as sketches print them


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
    return values if all(abs(value) < _LARGEST for value in values) else None


def is_word(field: bytes) -> bool:
    """Neither a number nor what stands for one that could not be printed."""
    return numbers(field) is None and field.lower().lstrip(b"+-") not in _NO_READING
