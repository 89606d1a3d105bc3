from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage
from pythonosc.osc_server import BlockingOSCUDPServer

from stream.outlets.osc_packets import Time, bundle, message
from tests.stream.outlets.saying import LABELS, Counting, decision, sink_of, until

text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(text, st.integers(0, 2**31 - 1), st.floats(width=32, allow_nan=False))
def test_another_implementation_reads_what_we_write(words: str, number: int, value: float) -> None:
    read = OscMessage(message("/a/bc", words, number, value))
    assert (read.address, read.params) == ("/a/bc", [words, number, value])
    packet = OscBundle(bundle(message("/a"), message("/b", words)))
    assert [each.params for each in packet] == [[], [words]]
    assert packet.timestamp == 0, "at once"


def test_a_time_is_read_to_the_microsecond() -> None:
    ((second, fraction),) = OscMessage(message("/time", Time(1_790_000_000.123456))).params
    read_s = (second - datetime(1970, 1, 1)).total_seconds() + fraction / 2**32
    assert read_s == pytest.approx(1_790_000_000.123456, abs=2e-6)


def test_indices_that_are_too_large_begin_anew() -> None:
    assert OscMessage(message("/a", 2**31 + 5)).params == [5]


@contextmanager
def receiver() -> Iterator[tuple[int, list[tuple[Any, ...]]]]:
    got: list[tuple[Any, ...]] = []
    dispatcher = Dispatcher()
    dispatcher.set_default_handler(lambda address, *values: got.append((address, *values)))
    server = BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_address[1], got
    finally:
        server.shutdown()
        thread.join(30)
        server.server_close()


def test_decisions_arrive_with_all_that_belongs_to_them() -> None:
    with receiver() as (port, got), sink_of(f"osc:127.0.0.1:{port}") as sink:
        sink(decision(3))
        sink(decision(4, None))
        sink.mark(17, "here")
        sink.pause(True)
        until(lambda: ("/myostream/paused", 1) in got)
    by_address = {each[0]: each[1:] for each in reversed(got)}
    expected = decision(3)
    assert by_address["/myostream/decision"] == pytest.approx(("fist", expected.confidence, expected.end - 1))
    assert by_address["/myostream/probabilities"] == pytest.approx(expected.probabilities.tolist())
    assert by_address["/myostream/labels"] == LABELS
    assert "/myostream/time" in by_address
    assert by_address["/myostream/marker"] == ("here", 17)
    assert [each[1] for each in got if each[0] == "/myostream/decision"] == ["fist", ""]
    assert sink.dropped == 0


def test_the_prefix_can_be_another_one() -> None:
    with receiver() as (port, got), sink_of(f"osc:127.0.0.1:{port}/left/arm") as sink:
        send = Counting(sink)
        until(lambda: got, meanwhile=send)
    assert all(address.startswith("/left/arm/") for address, *_ in got)


def test_a_peer_that_is_gone_is_counted() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        port = gone.getsockname()[1]
    with sink_of(f"osc:127.0.0.1:{port}") as sink:
        send = Counting(sink)
        until(lambda: sink.dropped > 5, meanwhile=send)
    assert sink.why == "nobody listens there"


@pytest.mark.parametrize("spec", ["osc:127.0.0.1:5005/a b", "osc:127.0.0.1:5005/a#", "osc:5005", "osc:127.0.0.1:x/a"])
def test_what_cannot_be_an_address_is_said(spec: str) -> None:
    with pytest.raises(ValueError, match=r"the prefix of an OSC address|like osc:127\.0\.0\.1:5005"), sink_of(spec):
        pass
