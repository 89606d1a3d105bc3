from __future__ import annotations

import io

from devices.integrity import Integrity
from stream.trouble import Contacts, Notices, in_words


def test_a_clean_stream_needs_no_words() -> None:
    assert in_words(Integrity(8)) == ""
    assert Integrity(8).clean


def test_what_is_amiss_is_counted_in_words() -> None:
    integrity = Integrity(8, gaps=1, lost=1, damaged=3, duplicates=2, resyncs=4, returns=1)
    assert in_words(integrity) == "lost 1 sample in 1 gap, 3 damaged, 2 twice, 4 out of step, came back 1 time"
    assert not integrity.clean


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
    notices = Notices(out, "arm", integrity, lambda: now[0])
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
