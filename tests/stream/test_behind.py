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


def test_markers_and_pauses_keep_their_place_and_find_room_where_decisions_do_not() -> None:
    got: list[object] = []
    entered, release = threading.Event(), threading.Event()

    def take(taken: Decision) -> None:
        entered.set()
        release.wait(30)
        got.append(taken.end)

    sink = Behind(take, "list", capacity=2, mark=lambda at, text: got.append((at, text)), pause=got.append)
    sink(decision(0))
    assert entered.wait(30)
    for end in range(1, 4):
        sink(decision(end))
    sink.mark(17, "here")
    sink.pause(True)
    assert sink.trouble() == "list: it is too slow"
    sink.pause(False)
    release.set()
    sink.close()
    assert got == [0, 1, 2, (17, "here"), True, False]
    assert (sink.delivered, sink.dropped) == (3, 1)


def test_what_has_no_use_for_markers_is_not_told_of_them() -> None:
    got: list[int] = []
    sink = Behind(lambda taken: got.append(taken.end), "list")
    sink.mark(0, "here")
    sink.pause(True)
    sink(decision(1))
    sink.close()
    assert got == [1]


def test_where_time_has_no_meaning_it_waits_for_room_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(behind, "PATIENT_S", 0.5)
    got: list[int] = []

    def take(taken: Decision) -> None:
        threading.Event().wait(0.02)
        got.append(taken.end)

    sink = Behind(take, "slow", capacity=50, wait=True)
    for end in range(60):
        sink(decision(end))
    sink.close()
    assert got == list(range(60))
    assert (sink.delivered, sink.dropped) == (60, 0)


def test_it_does_not_wait_for_one_that_has_failed() -> None:
    def fail(_: Decision) -> None:
        raise OSError("the disk is full")

    sink = Behind(fail, "file", capacity=1, wait=True)
    sink(decision(0))
    sink._thread.join(30)
    with pytest.raises(OSError, match="disk is full"):
        sink(decision(1))
    for end in range(10):
        sink(decision(end))
    sink.close()
    assert sink.delivered == 0


def test_those_that_turn_out_not_to_have_arrived_are_counted_after_all() -> None:
    def deliver(taken: Decision) -> None:
        if taken.end == 5:
            raise Missed("the broker went away", before=3)

    sink = Behind(deliver, "network")
    for end in range(10):
        sink(decision(end))
    sink.close()
    assert (sink.delivered, sink.dropped) == (6, 4)


def test_why_it_is_amiss_is_said_until_all_has_been_well_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(behind, "OVER_S", 0.0)

    def deliver(taken: Decision) -> None:
        if taken.end == 1:
            raise Missed("nobody listens there")

    sink = Behind(deliver, "network")
    assert sink.trouble() == ""
    sink(decision(1))
    sink.close()
    assert sink.trouble() == "network: nobody listens there"
    again = Behind(deliver, "network")
    again(decision(1))
    again(decision(2))
    again.close()
    assert again.trouble() == ""
    assert again.why == "nobody listens there"
    assert again.dropped == 1


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
