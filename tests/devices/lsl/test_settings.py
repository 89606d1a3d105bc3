from __future__ import annotations

import sys
import time
import types

import pylsl
import pytest

from devices.lsl import library
from devices.lsl.settings import StreamFound, Wanted, addresses, listed, streams
from tests.devices.lsl.streams import outlet, unique


def found(name: str, source_id: str = "", type_: str = "EMG") -> StreamFound:
    return StreamFound(name, type_, 8, 1000.0, "float32", source_id, "somewhere")


def test_the_streams_there_are():
    name, other = unique("emg"), unique("markers")
    senders = [outlet(name, source_id="an-id"), outlet(other, type_="Markers", rate_hz=0.0, format_=pylsl.cf_string)]
    there = {stream.name: stream for stream in streams(1.0)}
    assert there[name].emg
    assert there[name].signal
    assert (there[name].channels, there[name].rate_hz, there[name].format) == (2, 1000.0, "float32")
    assert there[name].source_id == "an-id"
    assert there[name].host
    assert not there[other].signal
    assert not there[other].numeric
    del senders


def test_addresses_can_be_typed():
    some = [found("one"), found("two", "a"), found("two", "b"), found("", "c"), found("rate=3"), found(" x")]
    assert addresses(some) == [
        "lsl:one",
        "lsl:source_id=a",
        "lsl:source_id=b",
        "lsl:source_id=c",
        "lsl:name=rate=3",
        "lsl:name= x",
    ]
    assert listed(some[:1]) == "lsl:one (EMG, 8 x float32 at 1000 Hz, on somewhere)"


def test_what_is_wanted():
    stream = found("one", "id")
    assert Wanted().fits(stream)
    assert Wanted(name="one", type_="emg", source_id="id").fits(stream)
    assert not Wanted(name="ONE").fits(stream)
    assert not Wanted(type_="EEG").fits(stream)
    assert not Wanted(source_id="other").fits(stream)
    assert str(Wanted("one", source_id="id")) == "called 'one' with source_id 'id'"


def test_liblsl_that_is_too_old(monkeypatch):
    monkeypatch.setattr(pylsl, "library_version", lambda: 113)
    with pytest.raises(ValueError, match=r"need liblsl 1\.16 or newer, but 1\.13 is installed; install it with"):
        library.load_pylsl()


@pytest.mark.parametrize("error", [RuntimeError("LSL binary library file was not found."), OSError("no")])
def test_liblsl_that_is_not_there(monkeypatch, error):
    class Finder:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "pylsl":
                raise error

    for name in [name for name in sys.modules if name.partition(".")[0] == "pylsl"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    with pytest.raises(ValueError, match="need liblsl, which pylsl cannot load; install it with"):
        library.load_pylsl()


def test_pylsl_that_is_not_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "pylsl", None)
    with pytest.raises(ValueError, match="pip install pylsl"):
        library.load_pylsl()


@pytest.mark.parametrize(("platform", "hint"), [("darwin", "brew"), ("linux", "conda"), ("win32", "wheel")])
def test_the_hint_fits_the_system(monkeypatch, platform, hint):
    monkeypatch.setattr(sys, "platform", platform)
    assert hint in library.install_hint()


def test_the_two_clocks_are_brought_together():
    theirs = types.SimpleNamespace(local_clock=lambda: time.perf_counter() - 1234.5)
    assert library.offset_s(theirs) == pytest.approx(1234.5, abs=1e-4)
