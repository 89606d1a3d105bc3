"""Packets of Open Sound Control 1.0 (Wright, "The Open Sound Control 1.0 Specification", 2002): what we send of it."""

from __future__ import annotations

import struct

IMMEDIATELY = struct.pack(">Q", 1)
"""The time tag of a bundle that is to be acted upon when it arrives."""

SINCE_1900_S = 2_208_988_800
"""From the beginning of 1900, at which time tags begin, to that of 1970."""


class Time(float):
    """Seconds since 1970, sent as a time tag."""


Value = str | int | Time | float


def message(address: str, *values: Value) -> bytes:
    """A message: text as ``s``, whole numbers as ``i`` (their lowest 31 bits), times as ``t``, others as ``f``."""
    tags, arguments = ",", b""
    for value in values:
        tag, argument = _argument(value)
        tags += tag
        arguments += argument
    return _text(address) + _text(tags) + arguments


def bundle(*messages: bytes) -> bytes:
    """Messages that belong together, to be acted upon at once."""
    return b"#bundle\0" + IMMEDIATELY + b"".join(struct.pack(">i", len(each)) + each for each in messages)


def _argument(value: Value) -> tuple[str, bytes]:
    if isinstance(value, str):
        return "s", _text(value)
    if isinstance(value, int):
        return "i", struct.pack(">i", value & 0x7FFFFFFF)
    if isinstance(value, Time):
        return "t", struct.pack(">Q", round((value + SINCE_1900_S) * 2**32))
    return "f", struct.pack(">f", value)


def _text(text: str) -> bytes:
    """Ended by a zero, filled up with zeros to a multiple of four."""
    encoded = text.replace("\0", "").encode()
    return encoded + b"\0" * (4 - len(encoded) % 4)
