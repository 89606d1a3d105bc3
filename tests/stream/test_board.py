from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dsp.design import DspSpec
from dsp.flow import Window
from stream.board import Board, Reader
from stream.controls import Ended, Recalibrate
from stream.display import Display
from stream.latency import Stages
from stream.page import ABSTAINED, UNKNOWN, About, Page, describe
from stream.score import Score

SPEC = DspSpec(1000.0, band_hz=None, hop_ms=50.0)
LABELS = ("fist", "pinch", "rest")


def about(spec: DspSpec = SPEC) -> About:
    return describe(spec, title="x", checkpoint="y", channels=tuple("abcdefgh"), labels=LABELS)


def read(board: Board) -> Page:
    reader = Reader(board.path)
    page = reader.read()
    reader.close()
    assert page is not None
    return page


def test_about_survives_the_board() -> None:
    told = describe(
        DspSpec(512.0, scale_uv=(3.0,)),
        title="ümlaut",
        checkpoint="demo",
        channels=tuple("abcdefgh"),
        labels=LABELS,
        names=(*LABELS, "wave"),
        length=99,
        speed=0.0,
        simulated=True,
    )
    assert told.scale_uv == (3.0,) * 8
    with Board(told) as board:
        reader = Reader(board.path)
        assert reader.about == told
        assert reader.read() is None
        reader.close()
    assert not board.path.exists()


def test_a_page_is_what_was_published() -> None:
    with Board(about()) as board:
        for k in range(800):
            board.publish(50 * k - 29600, k % 3, ABSTAINED if k % 2 else UNKNOWN, 0.5, np.zeros(3, np.float32))
        probabilities = np.array([0, 0.25, 0.75], np.float32)
        counts = {"dropped": 7, "late": 5, "skipped": 3, "right": 11, "counted": 13}
        board.publish(10400, 2, 1, 0.75, probabilities, p50_s=1e-3, **counts)
        page = read(board)
    assert (page.end, page.decided, page.truth, page.confidence) == (10400, 2, 1, 0.75)
    assert (page.p50_s, page.dropped, page.decisions, page.right, page.counted) == (1e-3, 7, 801, 11, 13)
    assert (page.late, page.skipped) == (5, 3)
    assert np.isnan(page.p99_s)
    np.testing.assert_array_equal(page.probabilities, [0, 0.25, 0.75])
    assert page.past[-1].tolist() == [10400, 2, 1]
    assert (page.sure[-1], page.shares[-1].tolist(), page.sure[0]) == (0.75, [0, 0.25, 0.75], 0.5)
    assert (np.diff(page.past[:, 0]) == 50).all()
    assert len(page.past) == about().past


@pytest.mark.parametrize(("hop_ms", "rate_hz"), [(50.0, 1000.0), (160.0, 512.0), (7.0, 1000.0), (600.0, 1000.0)])
def test_strips_hold_the_extremes_of_each_column(hop_ms: float, rate_hz: float) -> None:
    spec = DspSpec(rate_hz, band_hz=None, hop_ms=hop_ms)
    signal = np.random.default_rng(0).normal(size=(int(9 * rate_hz), 8)).astype(np.float32)
    ends = range(spec.window, len(signal), spec.hop)
    with Board(about(spec)) as board:
        for end in ends:
            board.watch(Window(signal[end - spec.window : end], end - spec.window, end))
            board.publish(end, 0, 0, 1.0, np.zeros(3, np.float32))
        page = read(board)
    each, columns = page.about.per_column, page.about.columns
    last = ends[-1] // each
    seen = np.zeros(len(signal), bool)
    for end in ends:
        seen[end - spec.window : end] = True
    for place, column in enumerate(range(last - columns, last)):
        part = slice(column * each, (column + 1) * each)
        if seen[part].all():
            np.testing.assert_array_equal(page.strips[place], [signal[part].min(axis=0), signal[part].max(axis=0)])
        else:
            assert np.isnan(page.strips[place]).all()
    assert len(page.strips) == columns


HAMMER = """
import sys, threading, time
import numpy as np
from dsp.flow import Window
from stream.board import Board
from tests.stream.test_board import about

ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
with Board(about()) as board:
    print(board.path, flush=True)
    k = 0
    while not ended.is_set():
        k += 1
        board.watch(Window(np.full((400, 8), k % 100, np.float32), 50 * k, 50 * k + 400))
        board.publish(50 * k + 400, k % 3, 0, k, np.full(3, k % 100, np.float32), dropped=k, right=k, counted=k)
        rest = time.perf_counter() + 20e-6
        while time.perf_counter() < rest:
            pass
"""


def test_no_page_is_ever_torn() -> None:
    pages: list[Page] = []
    with subprocess.Popen(
        [sys.executable, "-c", HAMMER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        reader = Reader(Path(writer.stdout.readline().strip()))
        while len(pages) < 3000:
            if (page := reader.read()) is not None:
                pages.append(page)
        writer.stdin.close()
        assert writer.wait(30) == 0
        reader.close()
    for page in pages:
        k = page.decisions
        assert (page.end, page.decided, page.confidence) == (50 * k + 400, k % 3, k)
        assert page.dropped == page.right == page.counted == k
        assert (page.probabilities == k % 100).all()
        assert page.past[-1].tolist() == [page.end, k % 3, 0]
        assert (np.diff(page.past[:, 0]) == 50).all()  # a row too new is the oldest row's place
        assert (page.strips[-1] == k % 100).all()
    assert len({page.decisions for page in pages}) > 10


def test_a_page_that_was_never_finished_is_not_shown() -> None:
    with Board(about()) as board:
        board.publish(400, 0, 0, 1.0, np.zeros(3, np.float32))
        board._sequence[0] += 1  # the writer was killed in the middle
        reader = Reader(board.path)
        assert reader.read() is None
        reader.close()


def test_what_is_no_board_is_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.board"
    foreign.write_bytes(b"something else entirely")
    with pytest.raises(ValueError, match="is no board of a running stream"):
        Reader(foreign)


def test_what_is_amiss_can_be_told_between_two_pages() -> None:
    with Board(about()) as board:
        board.tell("too early to be seen", waiting=True)
        reader = Reader(board.path)
        assert reader.read() is None
        reader.close()
        board.publish(400, 1, 0, 0.5, np.zeros(3, np.float32))
        assert (read(board).notice, read(board).waiting) == ("", False)
        board.tell("ü" * 200, waiting=True)
        page = read(board)
        assert (page.notice, page.waiting, page.end, page.decided) == ("ü" * 120, True, 400, 1)
        board.publish(450, 1, 0, 0.5, np.zeros(3, np.float32))
        assert read(board).notice == "ü" * 120
        board.tell("", waiting=False)
        assert (read(board).notice, read(board).waiting) == ("", False)


@pytest.mark.parametrize(("why", "calibrating"), [(Recalibrate, True), (Ended, False), (None, False)])
def test_the_board_says_whether_the_run_ends_for_a_calibration(why, calibrating):
    shown = Display(about(), lambda *_: None, Score(LABELS), Stages(), lambda: 0, painters=lambda _: [])
    with contextlib.suppress(Ended), shown:
        reader = Reader(shown.board.path)
        if why is not None:
            raise why
    assert reader.margin.calibrating is calibrating
    reader.close()
