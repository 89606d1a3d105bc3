"""Reads bytes in which something is wrong: which packets are they, so that the fewest faults explain them?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from devices.boards.numbering import TURN

_JUMP = 2.0  # packets are missing
_REPEAT = 1.0  # a packet comes twice
_DAMAGE = 3.0  # bytes that belong to no packet; more than a jump, or each lost packet would be read as damage
_MORE = 2.0  # each further packet's worth of them; with less, a sound packet between two damaged ones would be lost
_RAGGED = 0.5  # not a packet's length, or a byte more or less
_EARLY = 6.0  # a packet before it can have been made
_WEAK = _DAMAGE + _JUMP  # what one packet alone is not believed at
_MOST_PACKETS = 8


class Candidate(NamedTuple):
    """A place that looks like a packet.

    Attributes:
        start: its first byte, counted from the first one in doubt.
        counter: what stands where the counter is.
        latest: the largest number that it can have by the clock.
    """

    start: int
    counter: int
    latest: float


class Before(NamedTuple):
    """What is certain before the doubt.

    Attributes:
        passed: bytes before it that belong to no packet.
        number: of the last packet.
        counter: of the last packet; None where there was none yet.
    """

    passed: int
    number: int
    counter: int | None


class _Way(NamedTuple):
    """The cheapest way to arrive at a candidate."""

    cost: float
    number: int
    first: Candidate
    believable: bool


def best_reading(
    candidates: Sequence[Candidate], before: Before, doubtful: bytes, length: int, head: bytes
) -> Candidate | None:
    """The first packet in the cheapest reading: the shortest path over all candidates.

    Args:
        candidates: in ascending order, at least one.
        before: what they follow.
        doubtful: the bytes in doubt.
        length: of a packet.
        head: with which each begins.

    Returns:
        None where nothing of it is to be believed.
    """
    ways: list[_Way] = []
    for candidate in candidates:
        best = _from_before(before, candidate, length)
        for earlier, way in zip(candidates, ways, strict=False):
            gap = candidate.start - earlier.start - length
            if gap < 0:
                break
            cost, number = _step(way.number, earlier.counter, gap, candidate, length)
            if not gap and _same(doubtful, earlier.start, candidate.start, length):
                cost, number = _REPEAT, way.number
            if way.cost + cost <= best.cost:  # of two the one that takes more for packets
                best = _Way(way.cost + cost, number, way.first, way.believable or cost < _WEAK)
        ways.append(best)
    rests = [_cost_of_rest(doubtful[candidate.start + length :], length, head) for candidate in candidates]
    total, chosen = min((way.cost + rest, index) for index, (way, rest) in enumerate(zip(ways, rests, strict=True)))
    nothing = cost_of_step(before.passed + len(doubtful), 0, length)
    return ways[chosen].first if ways[chosen].believable and total <= nothing else None


def cost_of_step(passed: int, step: int, length: int) -> float:
    """What it takes to believe in a packet after another one.

    Args:
        passed: bytes between them, taken for damaged packets.
        step: by how much the number grows, 1 to ``TURN``.
        length: of a packet.
    """
    if not passed:
        return 0.0 if step == 1 else _JUMP
    ragged = passed % length not in (0, 1, length - 1)
    packets = min(max(1, round(passed / length)), _MOST_PACKETS)
    jump = 0.0 if fits(passed, step - 1, length) else _JUMP
    return _DAMAGE + _MORE * (packets - 1) + _RAGGED * ragged + jump


def fits(passed: int, packets: int, length: int) -> bool:
    """Whether so many bytes can be so many damaged packets: part of one, or each at most a byte longer or shorter."""
    whole, part = divmod(passed, length)
    return packets in (whole, whole + (part > 0)) or abs(passed - packets * length) <= packets


def _from_before(before: Before, candidate: Candidate, length: int) -> _Way:
    passed = before.passed + candidate.start
    if before.counter is None:
        return _Way(_DAMAGE if passed else _JUMP, before.number + 1, candidate, not passed)
    cost, number = _step(before.number, before.counter, passed, candidate, length)
    return _Way(cost, number, candidate, cost < _WEAK)


def _step(number: int, counter: int, passed: int, candidate: Candidate, length: int) -> tuple[float, int]:
    step = (candidate.counter - counter - 1) % TURN + 1
    early = number + step > candidate.latest
    return cost_of_step(passed, step, length) + _EARLY * early, number + step


def _same(doubtful: bytes, one: int, other: int, length: int) -> bool:
    return doubtful[one : one + length] == doubtful[other : other + length]


def _cost_of_rest(rest: bytes, length: int, head: bytes) -> float:
    """What it takes to believe that no packet is in the rest."""
    if len(rest) >= length:
        return _DAMAGE + _MORE * (len(rest) // length - 1)
    return 0.0 if head.startswith(rest[: len(head)]) else _DAMAGE
