"""What is said while recording holds up nothing, whatever becomes of who should hear it."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable

from devices.recorder.aside import Aside


def at_once(call: Callable[[], object]) -> None:
    """Fails where the call waits for somebody."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()


def test_a_listener_that_stands_still_holds_up_nobody() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        aside = Aside(stream)
        at_once(lambda: [aside("x" * 10_000) for _ in range(1000)])
        at_once(aside.close)
        assert os.read(reading, 5) == b"xxxxx"
        os.close(reading)
        aside.close()


def test_a_listener_that_is_gone_is_told_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        aside = Aside(stream)
        for _ in range(3):
            aside("x")
        aside.close()
        aside("x")
        aside.close()


def test_what_was_said_has_been_written_at_the_end() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", encoding="latin-1") as stream:
        aside = Aside(stream)
        aside("one ")
        aside("zwö \N{SNOWMAN}")
        aside.close()
    with os.fdopen(reading, "rb") as listener:
        assert listener.read() == b"one zw\xf6 \\u2603"


def test_a_stream_without_a_file_is_written_to_as_well() -> None:
    stream = io.StringIO()
    aside = Aside(stream)
    aside("one")
    aside.close()
    assert stream.getvalue() == "one"
