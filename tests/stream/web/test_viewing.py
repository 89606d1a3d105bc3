"""What viewers are sent: everything in order for who keeps up, and no more than one frame for who does not."""

from __future__ import annotations

import sys
import time

import pytest

from tests.stream.web.served import PATIENCE_S, Served, about_some, follow, frame_of, handshake, masked, message_of


def drained(plug, until: int) -> list[list[int]]:
    """Decisions up to a number, each frame acknowledged, gaps refused."""
    made: list[list[int]] = []
    deadline = time.monotonic() + PATIENCE_S
    while len(made) < until:
        assert time.monotonic() < deadline
        text = frame_of(plug)
        assert text is not None
        assert text["decisions"]["from"] == len(made)
        made += text["decisions"]["made"]
        plug.sendall(masked(b"ok"))
    return made


def test_every_decision_comes_once_and_in_order_to_each_viewer():
    with Served() as served:
        served.publish(300)
        one, other = handshake(served.port)[1], handshake(served.port)[1]
        for _ in range(40):
            served.publish(10)
            time.sleep(0.005)
        for plug in (one, other):
            made = drained(plug, 700)
            assert [each[0] for each in made] == [end for end, _ in served.made]
        one.close()
        other.close()


def test_who_comes_late_is_told_everything_in_parts():
    with Served() as served:
        early = handshake(served.port)[1]
        for _ in range(12):
            served.publish(500)
            follow(early, len(served.made))
        late = handshake(served.port)[1]
        made = drained(late, 6000)
        assert [each[0] for each in made] == [end for end, _ in served.made]
        early.close()
        late.close()


def test_the_last_frames_say_that_it_is_over():
    with Served() as served:
        served.publish(5)
        plug = handshake(served.port)[1]
        drained(plug, 5)
        served.publish(5)
        served.hang_up()
        ended, last = False, 0
        while (text := frame_of(plug)) is not None:
            ended, last = text["ended"], text["decisions"]["from"] + len(text["decisions"]["made"])
            plug.sendall(masked(b"ok"))
        assert (ended, last) == (True, 10)
        plug.close()
        assert served.end() == ""
        assert served.process.returncode == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_stopped_viewer_grows_nothing_and_slows_nobody():
    with Served(about=about_some(length=0)) as served:
        served.publish(600)
        stopped = [handshake(served.port)[1] for _ in range(4)]  # they neither read nor acknowledge
        awake = handshake(served.port)[1]
        drained(awake, 600)
        begin = served.memory_kb()
        for _ in range(60):
            served.publish(500)
            follow(awake, len(served.made))
        grown = served.memory_kb() - begin
        assert grown < 40_000  # the log itself grows by 30 000 decisions
        assert message_of(stopped[0]) is not None  # the one frame that was on its way
        for plug in (*stopped, awake):
            plug.close()


def test_it_ends_while_viewers_are_stopped():
    with Served() as served:
        served.publish(600)
        stopped = [handshake(served.port)[1] for _ in range(3)]
        begun = time.monotonic()
        assert served.end() == ""
        assert served.process.returncode == 0
        assert time.monotonic() - begun < PATIENCE_S
        for plug in stopped:
            plug.close()


def test_a_flood_of_pings_that_nobody_reads_the_answers_of_is_ended():
    with Served() as served:
        plug = handshake(served.port)[1]
        pings = masked(b"x" * 120, kind=9) * 200_000
        with pytest.raises(OSError, match=r"reset|Broken|abort"):
            plug.sendall(pings)
        plug.close()
        other = handshake(served.port)[1]
        assert frame_of(other) is not None
        other.close()
