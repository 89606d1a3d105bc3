"""Packets of BGAPI out of bytes that may be damaged: a damaged packet costs itself and no other."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from devices.boards.bgapi import EVENT, HEADER, Kind, Shape
from devices.integrity import Integrity

_NO = -1
_MORE = 0


class Packet(NamedTuple):
    """A message as it came.

    Attributes:
        kind: which one.
        payload: of the shape that belongs to it.
        arrived_s: when its last byte came.
    """

    kind: Kind
    payload: bytes
    arrived_s: float


class Parser:
    """Cuts a stream of bytes into packets, however it comes.

    There is neither a mark that begins a packet nor a checksum, so a packet is believed by the shape of its head. Two
    doubts remain, and both wait for the bytes that follow:

    * A packet that has lost a byte ends with the first byte of the next one. So one whose end could be the beginning of
      a packet of a ``Shape.sure`` kind is given out only when the beginning of a packet follows it as well.
    * While searching for a beginning after damage, a head that is not ``sure`` may be chance (``00 03 03 00`` is also
      four quiet samples). It is believed when one that is sure follows the packet, or nothing at all for a while.

    Args:
        known: the kinds of messages that can come, with their shapes.
        integrity: where ``damaged``, ``resyncs`` and ``skipped`` are counted; may be replaced at any time.
    """

    def __init__(self, known: Mapping[Kind, Shape], integrity: Integrity) -> None:
        self.integrity = integrity
        self._known = known
        self._sure = {kind: shape for kind, shape in known.items() if shape.sure}
        self._buffer = bytearray()
        self._begins = 0  # place in the stream of the buffer's first byte
        self._arrivals: deque[tuple[int, float]] = deque()  # place up to which it had come, and when
        self._searched = 0  # bytes passed over since the last packet

    def feed(self, raw: bytes, arrived_s: float = 0.0) -> list[Packet]:
        """The packets that the bytes complete."""
        self._buffer += raw
        self._arrivals.append((self._begins + len(self._buffer), arrived_s))
        return self._packets(quiet=False)

    def settle(self) -> list[Packet]:
        """Nothing has followed for a while: the packets that only waited for that."""
        return self._packets(quiet=True)

    def _packets(self, *, quiet: bool) -> list[Packet]:
        packets = []
        while self._buffer:
            length = self._fits(0, self._known)
            if length == _MORE:
                break
            skip = 1 if length == _NO else self._doubt(length, quiet=quiet)
            if skip == _MORE:
                break
            if skip == _NO:
                packets.append(self._take(length))
            else:
                self._skip(skip)
        return packets

    def _doubt(self, length: int, *, quiet: bool) -> int:
        """How many bytes to pass over because the first packet of the buffer is none; _NO where it is one."""
        if (inside := self._inside(length)) > 0:
            return inside
        if len(self._buffer) < length:
            return _MORE
        by_chance = bool(self._searched) and self._fits(0, self._sure) == _NO
        if not inside and not by_chance:
            return _NO
        follows = self._fits(length, self._sure if by_chance else self._known)
        if follows == _MORE and not quiet:
            return _MORE
        if follows != _NO:
            return _NO
        return 1 if by_chance else -inside

    def _inside(self, length: int) -> int:
        """Where in the first packet another one begins, which is certain by its head: its place.

        Where the packet only ends like the beginning of a head: that place, below zero; and 0 where there is neither.
        """
        end = min(length, len(self._buffer))
        at = self._buffer.find(EVENT, 1, end)
        while at >= 0:
            inside = self._fits(at, self._sure, end)
            if inside != _NO:
                return at if inside > 0 else -at
            at = self._buffer.find(EVENT, at + 1, end)
        return 0

    def _fits(self, at: int, known: Mapping[Kind, Shape], end: int | None = None) -> int:
        """Whether a packet may begin at a place of the buffer: its length, or _NO, or _MORE to tell.

        Args:
            at: the place.
            known: what it may be.
            end: the bytes from there on are not looked at.
        """
        buffer = self._buffer[at:end]
        head = buffer[:HEADER]
        if len(head) < HEADER:
            return _MORE if any(_begins(kind, shape, head) for kind, shape in known.items()) else _NO
        shape = known.get(Kind(head[0], head[2], head[3]))
        if shape is None or not _may_be_long(shape, head[1]):
            return _NO
        payload = buffer[HEADER : HEADER + shape.length]
        if any(payload[place] > most for place, most in shape.most.items() if place < len(payload)):
            return _NO
        if shape.count_at is not None:
            if len(payload) <= shape.count_at:
                return _MORE
            if payload[shape.count_at] != head[1] - shape.length:
                return _NO
        return HEADER + head[1]

    def _take(self, length: int) -> Packet:
        raw = bytes(self._buffer[:length])
        if self._searched:
            self.integrity.damaged += max(1, round(self._searched / length))
            self._searched = 0
        self._remove(length)
        while len(self._arrivals) > 1 and self._arrivals[0][0] < self._begins:
            self._arrivals.popleft()
        return Packet(Kind(raw[0], raw[2], raw[3]), raw[HEADER:], self._arrivals[0][1])

    def _skip(self, count: int) -> None:
        self.integrity.resyncs += not self._searched
        self.integrity.skipped += count
        self._searched += count
        self._remove(count)

    def _remove(self, count: int) -> None:
        del self._buffer[:count]
        self._begins += count


def _begins(kind: Kind, shape: Shape, head: bytearray) -> bool:
    """Whether fewer than four bytes can be the beginning of such a packet; none at all can."""
    if len(head) > 1 and not _may_be_long(shape, head[1]):
        return False
    return head[:1] == bytes((kind.type,))[: len(head)] and head[2:] == bytes((kind.group,))[: max(0, len(head) - 2)]


def _may_be_long(shape: Shape, length: int) -> bool:
    return length == shape.length if shape.count_at is None else length >= shape.length
