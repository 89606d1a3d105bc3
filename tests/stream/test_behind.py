from __future__ import annotations

import threading

import numpy as np
import pytest

from models.decision import Decision
from stream import behind
from stream.behind import Behind, Missed


def decision(end: int) -> Decision:
    return Decision("fist", 1.0, np.ones(1, np.float32), end - 10, end)


def test_everything_is_delivered_in_order_and_then_it_is_closed() -> None:
    got: list[int] = []
    closed = threading.Event()
    sink = Behind(lambda taken: got.append(taken.end), "list", after=closed.set)
    for end in range(500):
        sink(decision(end))
    sink.close()
    assert got == list(range(500))
    assert (sink.delivered, sink.dropped) == (500, 0)
    assert closed.is_set()


def test_a_sink_that_hangs_drops_and_counts_and_never_holds_up_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(behind, "LEAVE_S", 0.05)
    entered, release = threading.Event(), threading.Event()

    def hang(_: Decision) -> None:
        entered.set()
        release.wait(30)

    sink = Behind(hang, "stuck", capacity=10)
    sink(decision(0))
    assert entered.wait(30)
    for end in range(1, 101):
        sink(decision(end))
    assert sink.dropped == 90
    sink.close()
    assert sink.dropped == 101, "the one that it hangs on too"
    release.set()


def test_what_a_sink_raises_reaches_the_loop_once() -> None:
    failed = threading.Event()

    def fail(_: Decision) -> None:
        failed.set()
        raise OSError("the disk is full")

    sink = Behind(fail, "file")
    sink(decision(0))
    assert failed.wait(30)
    sink._thread.join(30)
    with pytest.raises(OSError, match="disk is full"):
        sink(decision(1))
    sink(decision(2))
    sink.close()
    assert (sink.delivered, sink.dropped) == (0, 3)


def test_the_last_error_is_raised_at_the_end() -> None:
    def fail(_: Decision) -> None:
        raise BrokenPipeError

    sink = Behind(fail, "stdout")
    sink(decision(0))
    with pytest.raises(BrokenPipeError):
        sink.close()


def test_a_decision_that_was_missed_is_counted_and_the_next_one_delivered() -> None:
    got: list[int] = []

    def deliver(taken: Decision) -> None:
        if taken.end % 3 == 0:
            raise Missed
        got.append(taken.end)

    sink = Behind(deliver, "network")
    for end in range(10):
        sink(decision(end))
    sink.close()
    assert got == [1, 2, 4, 5, 7, 8]
    assert (sink.delivered, sink.dropped) == (6, 4)


def test_an_error_at_the_very_end_is_raised_and_hides_none_before_it() -> None:
    def close() -> None:
        raise OSError("closing failed")

    quiet = Behind(lambda _: None, "file", after=close)
    quiet(decision(0))
    with pytest.raises(OSError, match="closing failed"):
        quiet.close()

    def fail(_: Decision) -> None:
        raise ValueError("the disk is full")

    sink = Behind(fail, "file", after=close)
    sink(decision(0))
    with pytest.raises(ValueError, match="disk is full"):
        sink.close()
    assert sink.dropped == 1
