"""The chunks of an XDF file, checked before a reader that believes every length is let loose on them.

Source: https://github.com/sccn/xdf/wiki/Specifications
"""

from __future__ import annotations

import re

_MAGIC = b"XDF:"
_BOUNDARY = bytes.fromhex("43A546DCCBF5410FB30ED5467383CBE4")
_STREAM_HEADER, _SAMPLES = 2, 3
_FIXED = {2: 4, 3: 5, 4: 20, 6: 4}
"""Bytes that the content of a chunk has at least, by its tag; all of these begin with the number of a stream."""
_BYTES = {b"float32": 4, b"double64": 8, b"int64": 8, b"int32": 4, b"int16": 2, b"int8": 1, b"string": 0}
_COUNT = re.compile(rb"<channel_count>\s*(\d{1,6})\s*</channel_count>")
_FORMAT = re.compile(rb"<channel_format>\s*(\w+)\s*</channel_format>")
_MOST_CHANNELS = 100_000

_Streams = dict[int, tuple[int, int]]
"""Channels and bytes of a value (0: text) of each stream, by its number."""


def whole_chunks(raw: bytes, where: str) -> tuple[bytes, int | None]:
    """The file without chunks that are damaged or cut off.

    Returns:
        A sound file, and where the first damage is that is not merely the end of a file that was cut off; None
        without.

    Raises:
        ValueError: it is no XDF file, or one without a stream.
    """
    if not raw.startswith(_MAGIC):
        raise ValueError(f"{where!r} is no XDF file, although it is named so; it begins with {raw[:4]!r}")
    parts, damage, place = [_MAGIC], None, len(_MAGIC)
    streams: _Streams = {}
    while place < len(raw):
        end = _end(raw, place, streams)
        if end is not None:
            parts.append(raw[place:end])
            place = end
            continue
        mark = raw.find(_BOUNDARY, place)
        if mark < 0:
            break
        damage = place if damage is None else damage
        place = mark + len(_BOUNDARY)
    if not streams:
        raise ValueError(f"{where!r} is an XDF file without a stream; the recording ended before it began")
    return b"".join(parts), damage


def _end(raw: bytes, place: int, streams: _Streams) -> int | None:
    """Where the chunk ends that begins here, or None where it is not sound; notes a stream's header."""
    start, length = _length(raw, place) or (0, 0)
    end = start + length
    tag = int.from_bytes(raw[start : start + 2], "little")
    if length < 2 or end > len(raw) or not 1 <= tag <= 6 or length - 2 < _FIXED.get(tag, 0):
        return None
    number = int.from_bytes(raw[start + 2 : start + 6], "little")
    if tag == _STREAM_HEADER:
        channels, format_ = _COUNT.search(raw, start, end), _FORMAT.search(raw, start, end)
        if not channels or not format_ or format_[1] not in _BYTES or not 0 < int(channels[1]) <= _MOST_CHANNELS:
            return None
        streams[number] = int(channels[1]), _BYTES[format_[1]]
    elif tag in _FIXED and number not in streams:
        return None
    if tag == _SAMPLES and not _fits(raw, start + 6, end, *streams[number]):
        return None
    return end


def _fits(raw: bytes, place: int, end: int, channels: int, size: int) -> bool:
    """Whether the samples of a chunk fill it to its end."""
    head = _length(raw, place)
    if head is None:
        return False
    place, count = head
    if size and end - place == count * (9 + channels * size):  # every sample has its stamp
        return raw[place : end : 9 + channels * size].count(8) == count
    for _ in range(count):
        if place >= end or raw[place] not in {0, 8}:
            return False
        place += 1 + raw[place] + channels * size
        for _ in range(0 if size else channels):
            text = _length(raw, place)
            if text is None:
                return False
            place = sum(text)
    return place == end


def _length(raw: bytes, place: int) -> tuple[int, int] | None:
    """A number of variable size: the place after it and its value."""
    size = raw[place] if place < len(raw) else 0
    if size not in {1, 4, 8} or place + 1 + size > len(raw):
        return None
    return place + 1 + size, int.from_bytes(raw[place + 1 : place + 1 + size], "little")
