"""Lines of text: what is one, which index it has, what a board has to send, and what is said where it does not."""

from __future__ import annotations

import itertools
import random
import re
import time
from collections.abc import Callable, Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.boards.line_learning import Expected, Learnt, learn
from devices.boards.line_text import numbers, split
from devices.boards.lines import LinesLanguage, open_lines
from devices.boards.numbering import HELD_S
from devices.integrity import Integrity
from tests.devices.boards.far_end import FarEnd
from tests.devices.reading import take, without_a_gap

RATE_HZ, CHANNELS = 500.0, 4
STEP_US = 1e6 / RATE_HZ
EXPECTED = Expected(RATE_HZ, CHANNELS, 115200)

ptys = pytest.mark.skipif(not hasattr(__import__("os"), "openpty"), reason="this system has no pseudo-terminals")


def values(number: int) -> list[float]:
    return [number + channel / 10 for channel in range(CHANNELS)]


def line(number: int, *, timed: bool, start_us: int = 0, separator: str = ",", end: str = "\r\n") -> bytes:
    words = [str(value) for value in values(number)]
    if timed:
        words.insert(0, str(round(start_us + number * STEP_US) % 2**32))
    return (separator.join(words) + end).encode()


def heard(lines: Iterable[bytes]) -> list[tuple[bytes, float]]:
    return [(raw, number / RATE_HZ) for number, raw in enumerate(lines)]


class Reader:
    """A language that has learnt already, fed with bytes and times."""

    def __init__(self, *, timed: bool) -> None:
        self.language = LinesLanguage(EXPECTED, 1.0)
        self.language.adopt(Learnt(timed, RATE_HZ, b""))
        self.got: dict[int, float] = {}

    @property
    def integrity(self) -> Integrity:
        return self.language.integrity

    def take(self, raw: bytes, arrived_s: float) -> None:
        for block in self.language.parse(raw, arrived_s):
            assert block.samples.dtype == np.float32
            for offset, sample in enumerate(block.samples):
                index = block.first + offset
                assert not self.got or index > max(self.got), "indices ascend"
                self.got[index] = float(sample[0])

    def end(self, arrived_s: float) -> dict[int, float]:
        self.take(b"", arrived_s + 1)
        return self.got


def numbered(numbers_: Iterable[int]) -> dict[int, float]:
    return {number: float(np.float32(number)) for number in numbers_}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"1,2,3", [1, 2, 3]),
        (b"1;2;3", [1, 2, 3]),
        (b"1\t-2\t+3", [1, -2, 3]),
        (b" 1  2.5 3e2 ", [1, 2.5, 300]),
        (b"1, 2, 3", [1, 2, 3]),
        (b"1,2,x", None),
        (b"1,2,nan", None),
        (b"inf", None),
        (b"1e999", None),
        (b"1e300", None),
        (b"1_0", None),
        (b"1,2,-", None),
        (b"", []),
        (b"Ready\xff", None),
    ],
)
def test_numbers_in_a_line(text: bytes, expected: list[float] | None) -> None:
    assert numbers(text) == expected


def test_lines_end_with_cr_lf_or_both() -> None:
    assert split(b"a\nb\rc\r\nd") == ([b"a", b"b", b"c"], b"d")
    assert split(b"") == ([], b"")


@pytest.mark.parametrize("timed", [False, True])
@given(data=st.data())
@settings(deadline=None, max_examples=40)
def test_however_the_lines_are_cut(timed: bool, data: st.DataObject) -> None:
    raw = b"".join(line(number, timed=timed) for number in range(40) if not timed or number % 9)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=30)))
    reader = Reader(timed=timed)
    for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        reader.take(raw[start:end], 0.08)
    first = 0 if not timed else 1
    expected = {number - first: float(number) for number in range(40) if not timed or number % 9}
    assert reader.end(0.08) == expected
    assert reader.integrity.damaged == 0


@pytest.mark.parametrize("separator", [",", ";", "\t", " ", ", "])
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_separators_and_ends(separator: str, end: str) -> None:
    reader = Reader(timed=True)
    for number in range(20):
        reader.take(line(number, timed=True, separator=separator, end=end), number / RATE_HZ)
    assert reader.end(0.04) == numbered(range(20))


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize(
    ("damage", "damaged"),
    [
        (lambda raw: raw.replace(b",", b"", 1), 1),
        (lambda raw: raw.replace(b",", b"#", 1), 1),
        (lambda raw: raw.replace(b".", b"z", 1), 1),
        (lambda raw: re.sub(rb"[\d.]+,([\d.]+),[\d.]+(?=\r)", rb"nan,\1,-inf", raw), 1),
        (lambda raw: re.sub(rb"[\d.]+(?=\r)", rb"1e300", raw), 1),
        (lambda raw: raw.replace(b",", b"\n", 1), 1),
        (lambda raw: raw.replace(b"\r", b"", 1), 0),
        (lambda raw: raw.replace(b"\n", b"", 1), 0),
    ],
)
def test_a_damaged_line_costs_itself(timed: bool, damage: Callable[[bytes], bytes], damaged: int) -> None:
    reader = Reader(timed=timed)
    for number in range(40):
        raw = line(number, timed=timed)
        reader.take(damage(raw) if number == 20 else raw, number / RATE_HZ)
    assert reader.end(0.1) == numbered(number for number in range(40) if number != 20 or not damaged)
    assert (reader.integrity.damaged > 0) == (damaged > 0)


def test_two_lines_that_ran_together_are_two_samples() -> None:
    reader = Reader(timed=False)
    for number in range(40):
        raw = line(number, timed=False, end="\n")
        reader.take(raw[:-1] if number == 20 else raw, number / RATE_HZ)
    assert reader.end(0.1) == numbered(number for number in range(40) if number not in (20, 21))
    assert reader.integrity.damaged == 2


@pytest.mark.parametrize("timed", [False, True])
def test_what_a_sketch_says_in_between_is_no_sample(timed: bool) -> None:
    reader = Reader(timed=timed)
    for number in range(30):
        said = b"gain is now 4 and all is well\r\n" if number == 10 else b""
        reader.take(said + line(number, timed=timed), number / RATE_HZ)
    assert reader.end(0.1) == numbered(range(30))
    assert reader.integrity.damaged == 1


@pytest.mark.parametrize("missing", [1, 3, 100, 5000])
@pytest.mark.parametrize("start_us", [0, 2**32 - 150_000])
def test_with_a_time_a_gap_is_exact_also_where_the_time_begins_again(missing: int, start_us: int) -> None:
    reader = Reader(timed=True)
    total = 100 + missing + 100
    there = [*range(100), *range(100 + missing, total)]
    for number in there:
        reader.take(line(number, timed=True, start_us=start_us), number / RATE_HZ)
    assert reader.end(total / RATE_HZ) == numbered(there)
    assert reader.integrity.damaged == 0


@given(seed=st.integers(0, 10**6))
@settings(deadline=None, max_examples=30)
def test_with_a_time_that_jitters_and_drifts(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - chance for a test, not a secret
    drift = 1 + chance.uniform(-0.01, 0.01)
    reader = Reader(timed=True)
    there = [number for number in range(1500) if number == 0 or chance.random() > 0.02]
    for number in there:
        time_us = round(5_000_000 + (number * drift + chance.uniform(-0.2, 0.2)) * STEP_US)
        raw = f"{time_us}," + ",".join(map(str, values(number)))
        reader.take(raw.encode() + b"\n", number / RATE_HZ)
    assert reader.end(3.0) == numbered(there)


@pytest.mark.parametrize("wrong", ["7", "4000000000", "60000", "41000", "36000", "x"])
def test_a_time_that_does_not_fit_is_one_damaged_line(wrong: str) -> None:
    reader = Reader(timed=True)
    for number in range(40):
        raw = line(number, timed=True)
        raw = wrong.encode() + raw[raw.index(b",") :] if number == 20 else raw
        reader.take(raw, number / RATE_HZ)
    got = reader.end(0.1)
    close = abs(int(wrong) - 40_000) < STEP_US if wrong.isdigit() else False
    assert got == numbered(number for number in range(40) if number != 20 or close)
    assert reader.integrity.damaged == (not close)


def test_a_line_that_comes_twice_is_left_out_once() -> None:
    reader = Reader(timed=True)
    for number in [*range(10), 9, *range(10, 20)]:
        reader.take(line(number, timed=True), number / RATE_HZ)
    assert reader.end(0.1) == numbered(range(20))
    assert (reader.integrity.duplicates, reader.integrity.damaged) == (1, 0)


def test_a_board_that_restarts_goes_on_by_the_clock() -> None:
    reader = Reader(timed=True)
    for number in range(300):
        reader.take(line(number, timed=True, start_us=900_000), number / RATE_HZ)
    for number in range(600, 700):
        reader.take(line(number, timed=True, start_us=-1_150_000), number / RATE_HZ)
    got = reader.end(1.4)
    assert sorted(got) == [*range(300), *range(600, 700)]
    assert reader.integrity.damaged == 0


@pytest.mark.parametrize("silence_s", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("lost", [False, True])
def test_without_a_time_a_silence_is_measured_by_the_clock(silence_s: float, lost: bool) -> None:
    reader = Reader(timed=False)
    held = range(500, 500 + round(silence_s * RATE_HZ))
    for number in range(held.stop + 200):
        if number not in held:
            reader.take(line(number, timed=False), number / RATE_HZ)
        elif not lost:
            reader.take(line(number, timed=False), held.stop / RATE_HZ)
    got = reader.end((held.stop + 200) / RATE_HZ)
    there = [number for number in range(held.stop + 200) if number not in held or not lost]
    assert list(got.values()) == [float(number) for number in there]
    assert max(abs(index - number) for index, number in zip(got, there, strict=True)) <= (1 if lost else 0)


def test_a_line_in_doubt_waits_no_longer_than_needed() -> None:
    reader = Reader(timed=True)
    for number in (0, 1, 2, 7):
        reader.take(line(number, timed=True), number / RATE_HZ)
    assert sorted(reader.got) == [0, 1, 2]
    reader.take(b"", 7 / RATE_HZ + HELD_S)
    assert sorted(reader.got) == [0, 1, 2, 7]


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize("start_us", [0, 2**32 - 200_000])
def test_learns_what_comes(timed: bool, start_us: int) -> None:
    lines = [line(number, timed=timed, start_us=start_us) for number in range(500)]
    raw = [lines[0][3:], b"Hello, I am a sketch\r\n", *lines[1:], b"500"]
    learnt = learn("/dev/ttyX", heard(raw), EXPECTED)
    assert (learnt.timed, learnt.rest) == (timed, b"500")
    assert learnt.rate_hz == pytest.approx(RATE_HZ, rel=0.01)


def test_learns_from_damaged_lines_too() -> None:
    lines = [line(number, timed=True) for number in range(500)]
    lines[50] = b"1.5" + lines[50]
    lines[90] = b"7" + lines[90]
    lines[130] = lines[130].replace(b",", b"#", 1)
    del lines[200:210]
    learnt = learn("/dev/ttyX", heard(lines), EXPECTED)
    assert learnt.timed
    assert learnt.rate_hz == pytest.approx(RATE_HZ, rel=0.001)


@pytest.mark.parametrize("wrong", [b"7", b"9000000000"])
def test_the_very_first_time_may_be_damaged(wrong: bytes) -> None:
    reader = Reader(timed=True)
    for number in range(60):
        raw = line(number, timed=True, start_us=1_000_000)
        reader.take(wrong + raw[raw.index(b",") :] if number == 0 else raw, number / RATE_HZ)
    got = reader.end(0.2)
    assert list(got.values()) == [float(number) for number in range(60)]
    assert max(abs(index - number) for number, index in enumerate(got)) <= 1


def two_columns_more(number: int) -> bytes:
    return line(number, timed=False, end="") + b",1,2\n"


@pytest.mark.parametrize(
    ("lines", "expected", "said"),
    [
        ([], EXPECTED, r"nothing comes there; press the board's reset"),
        ([b"\x80\xf8garbage\xff"] * 300, EXPECTED, r"is something else \('.*give the baud of the sketch with baud="),
        ([b"Hello world\n"] * 300, EXPECTED, r"is something else \('Hello world"),
        (
            map(two_columns_more, range(500)),
            EXPECTED,
            r"sends lines of 6 numbers, but channels=4 was given; give channe",
        ),
        (
            (line(number, timed=True) for number in range(500)),
            EXPECTED._replace(channels=8),
            r"sends lines of a time and 4 numbers, but channels=8 was given; give channels=4",
        ),
        (
            (line(number, timed=False) for number in range(500)),
            EXPECTED._replace(rate_hz=1000),
            r"sends (499|500|501) lines a second, but rate=1000 was given; give rate=",
        ),
        (
            (line(number, timed=True) for number in range(500)),
            EXPECTED._replace(rate_hz=250),
            r"sends 500 lines a second, but rate=250 was given; give rate=500",
        ),
        (
            (line(number, timed=False) * 3 for number in range(500)),
            EXPECTED,
            r"sends 1500 lines a second.*give rate=1500,",
        ),
        ([], EXPECTED._replace(rate_hz=0.5), r"0.5 lines a second are expected at .*, but EMG needs hundreds"),
    ],
)
def test_what_was_not_expected_is_said_in_one_sentence(lines: Iterable[bytes], expected: Expected, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        learn("/dev/ttyX", heard(lines), expected)
    assert "\n" not in str(caught.value)


class Sketch:
    """Prints lines at a rate, from when its port is first read."""

    def __init__(self) -> None:
        self._began_s = 0.0
        self._number = 0

    def __call__(self) -> bytes:
        self._began_s = self._began_s or time.perf_counter()
        due = int((time.perf_counter() - self._began_s) * RATE_HZ)
        first, self._number = self._number, due
        return b"".join(line(number, timed=False) for number in range(first, due))


@ptys
def test_a_board_that_prints_is_a_source() -> None:
    with FarEnd(talk=Sketch()) as far:
        source = open_lines(far.path, rate_hz=RATE_HZ, channels=CHANNELS, unit="mV")
        try:
            assert (source.info.name, source.info.unit, len(source.info.channels)) == ("text", "uV", CHANNELS)
            chunks = take(source, 300)
        finally:
            source.close()
    assert without_a_gap(chunks)
    first = np.concatenate([chunk.samples[:, 0] for chunk in chunks]) / 1e3
    np.testing.assert_allclose(np.diff(first), 1, atol=1e-3)
    assert source.integrity.clean


@ptys
@pytest.mark.parametrize("talk", [None, itertools.repeat(b"\x00\xa5\x7f" * 500).__next__])
def test_silence_and_rubbish_end_in_a_sentence(talk: Callable[[], bytes] | None) -> None:
    with FarEnd(talk=talk) as far:
        began_s = time.perf_counter()
        with pytest.raises(ValueError, match="lines of 4 numbers are expected at"):
            open_lines(far.path, rate_hz=RATE_HZ, channels=CHANNELS, unit="uV")
        assert time.perf_counter() - began_s < 5


def test_a_unit_that_is_none() -> None:
    with pytest.raises(ValueError, match="known units are uV, mV, V"):
        open_lines("/dev/ttyX", rate_hz=RATE_HZ, channels=CHANNELS, unit="counts")
