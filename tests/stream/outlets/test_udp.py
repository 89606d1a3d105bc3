from __future__ import annotations

import json
import socket

import pytest

from tests.stream.outlets.saying import Counting, decision, free_port, sink_of, until


def test_a_peer_that_is_not_there_yet_and_one_that_comes_back_get_what_is_sent_then() -> None:
    port = free_port(socket.SOCK_DGRAM)
    with sink_of(f"udp:127.0.0.1:{port}") as sink:
        send = Counting(sink)
        for _ in range(2):
            before = sink.dropped
            until(lambda before=before: sink.dropped > before + 5, meanwhile=send)
            assert sink.trouble() == f"udp:127.0.0.1:{port}: nobody listens there"
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
                peer.bind(("127.0.0.1", port))
                peer.settimeout(30)
                send()
                assert json.loads(peer.recv(65536))["label"] == "fist"
    assert sink.delivered + sink.dropped == send.sent


def test_every_refused_datagram_is_counted_but_the_last() -> None:
    with sink_of(f"udp:127.0.0.1:{free_port(socket.SOCK_DGRAM)}", patient=True) as sink:
        send = Counting(sink)
        for _ in range(100):
            send()
    assert (sink.delivered, sink.dropped) == (1, 99)
    assert sink.why == "nobody listens there"


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
def test_markers_and_pauses_are_messages_of_their_own_also_over_ipv6() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as peer:
        try:
            peer.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6 on its loopback")
        peer.settimeout(30)
        with sink_of(f"udp:[::1]:{peer.getsockname()[1]}") as sink:
            sink(decision(3))
            sink.mark(17, "here — now")
            sink.pause(True)
            sink.pause(False)
            first, second, third, fourth = (json.loads(peer.recv(65536)) for _ in range(4))
    assert first["last"] == 3 * 20 + 99
    assert first["time"] == pytest.approx(second["time"] + (first["last"] - 17) / 1e3, abs=1e-3)
    assert (second["marker"], second["last"], set(second)) == ("here — now", 17, {"marker", "last", "time"})
    assert (third["paused"], fourth["paused"], set(third)) == (True, False, {"paused", "time"})
