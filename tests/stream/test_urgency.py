"""What is granted is given back."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from stream.urgency import NICE, urgent

if sys.platform != "linux":
    pytest.skip("asks for a class of Linux", allow_module_level=True)

Standing = tuple[int, int]


def standing() -> Standing:
    return os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)


def test_it_is_asked_for_and_given_back_by_the_threads_within_too():
    before = standing()
    seen: list[Standing] = []
    with urgent():
        within = standing()
        thread = threading.Thread(target=lambda: seen.append(standing()))
        thread.start()
        thread.join()
    assert standing() == before
    assert seen == [within]
    # Whoever may not, stays as before.
    assert within == before or within[0] == os.SCHED_RR or within[1] == NICE


def test_an_error_gives_it_back(monkeypatch):
    before = standing()
    with pytest.raises(ValueError, match="gone"), urgent():
        raise ValueError("gone")
    assert standing() == before


def test_where_it_is_refused_nothing_changes(monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    monkeypatch.setattr(os, "setpriority", refuse)
    before = standing()
    with urgent():
        assert standing() == before


def test_the_only_core_is_left_to_everybody(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    before = standing()
    with urgent():
        assert standing() == before
