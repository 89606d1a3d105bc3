from __future__ import annotations

import pytest

from stream.delay import advice, controller_delay_s, explained


def test_controller_delay_by_hand() -> None:
    assert controller_delay_s(0.4, 0.16, 3, 0.005) == pytest.approx(0.2 + 0.24 + 0.005)
    assert controller_delay_s(0.4, 0.02, 5, 0.005) == pytest.approx(0.255)
    assert controller_delay_s(0.2, 0.01, 3, 0.005) == pytest.approx(0.12)


def test_what_is_quick_enough_needs_no_advice() -> None:
    assert advice(0.2, 0.01, 1, 0.002, 0.002) == ["people control best at 100-125 ms: this is as quick as is of use"]


def test_advice_says_what_would_come_of_it() -> None:
    said = advice(0.4, 0.16, 3, 0.002, 0.002)
    assert "above the 300 ms" in said[0]
    assert said[1] == "--hop-ms 20 would make it 232 ms"
    assert said[2].startswith("without the vote over 3 windows it would be 282 ms")
    assert said[3].startswith("windows of 200 ms (train with dsp.window_ms=200) would make it 342 ms")
    assert "below the 300 ms" in advice(0.4, 0.02, 1, 0.002, 0.002)[0]


def test_no_hop_is_recommended_that_the_machine_cannot_hold() -> None:
    assert any("--hop-ms 80 " in sentence for sentence in advice(0.4, 0.16, 1, 0.04, 0.04))
    assert not any("--hop-ms" in sentence for sentence in advice(0.4, 0.08, 1, 0.04, 0.04))


def test_what_is_on_the_way_needs_no_room_in_a_hop() -> None:
    """Fifty milliseconds of radio and two of computing: the next window may come while this one is still on its way."""
    assert "--hop-ms 20 would make it 262 ms" in advice(0.4, 0.16, 1, 0.052, 0.002)


def test_the_sum_is_written_out() -> None:
    text = explained(0.4, 0.02, 1, 0.0024, 0.002).plain
    assert text.startswith(
        "controller delay 212 ms = window 400 / 2 + 1 / 2 x hop 20 + processing 2.4 (p50 of total)\n"
    )
