from __future__ import annotations

import io

from devices.integrity import Integrity
from stream.trouble import Contacts, Notices, contact_in_words, in_words


def test_a_clean_stream_needs_no_words() -> None:
    assert in_words(Integrity(8)) == ""
    assert Integrity(8).clean


def test_what_is_amiss_is_counted_in_words() -> None:
    integrity = Integrity(8, gaps=1, lost=1, damaged=3, duplicates=2, resyncs=4, returns=1)
    assert in_words(integrity) == "lost 1 sample in 1 gap, 3 damaged, 2 twice, 4 resynchronised, came back 1 time"
    assert not integrity.clean


def test_what_cannot_be_seen_is_said() -> None:
    assert in_words(Integrity(8, unseen="lines carry no time")) == "lines carry no time"


def test_contact_is_summed_up_by_channel() -> None:
    integrity = Integrity(3, samples=200)
    assert contact_in_words(integrity, ("a", "b", "c")) == ""
    integrity.flat[1] = 100
    integrity.saturated[2] = 1
    assert contact_in_words(integrity, ("a", "b", "c")) == "b flat 50.0%, c saturated 0.5%"


def test_contacts_speak_of_the_present() -> None:
    integrity = Integrity(3)
    contacts = Contacts(integrity, ("a", "b", "c"))
    assert contacts.in_words() == ""
    integrity.flat[1] += 100
    integrity.saturated += 1
    assert contacts.in_words() == "b flat, all channels saturated"
    assert contacts.in_words() == ""


def test_notices_say_each_thing_once() -> None:
    integrity, out, now = Integrity(8), io.StringIO(), [10.0]
    notices = Notices(out, "arm", integrity, clock=lambda: now[0])
    notices.refresh()
    integrity.gaps, integrity.lost = 1, 5
    notices.refresh()
    integrity.gaps, integrity.lost = 2, 6
    notices.refresh()
    integrity.state = "unplugged"
    notices.refresh()
    notices.refresh()
    integrity.state = ""
    notices.refresh()
    now[0] += 2
    notices.refresh()
    integrity.duplicates = 1
    notices.last()
    notices.last()
    assert out.getvalue().splitlines() == [
        "note: arm: so far lost 5 samples in 1 gap",
        "note: arm: unplugged",
        "note: arm: is back",
        "note: arm: so far lost 6 samples in 2 gaps",
        "note: arm: so far lost 6 samples in 2 gaps, 1 twice",
    ]


def test_other_trouble_is_said_once_and_also_while_a_device_is_waited_for() -> None:
    integrity, out, now, trouble = Integrity(8), io.StringIO(), [10.0], [""]
    notices = Notices(out, "arm", integrity, lambda: trouble[0], lambda: now[0])
    notices.refresh()
    integrity.state = "unplugged"
    notices.refresh()
    trouble[0] = "the disk is full"
    for _ in range(3):
        notices.refresh()
        now[0] += 2
    trouble[0] = ""
    notices.refresh()
    assert out.getvalue().splitlines() == [
        "note: arm: unplugged",
        "note: the disk is full",
        "note: this is over: the disk is full",
    ]
