"""DEVICE strings, and one sentence for each that is none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.address import FILE, SCHEMES, Address, parse, with_place


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sim:", Address("sim")),
        ("sim:person=7,session=2", Address("sim", "", {"person": "7", "session": "2"})),
        ("sim:person=7&rate=200", Address("sim", "", {"person": "7", "rate": "200"})),
        ("lsl:", Address("lsl")),
        ("lsl:My arm", Address("lsl", "My arm")),
        ("lsl:type=EMG", Address("lsl", "", {"type": "EMG"})),
        ("lsl:type=EMG,source_id=a,b=c", Address("lsl", "", {"type": "EMG", "source_id": "a,b=c"})),
        ("lsl:name=x=y", Address("lsl", "", {"name": "x=y"})),
        ("LSL:arm", Address("lsl", "arm")),
        ("cyton:/dev/ttyUSB0", Address("cyton", "/dev/ttyUSB0")),
        ("cyton:COM3", Address("cyton", "COM3")),
        ("cyton:", Address("cyton")),
        ("myo:/dev/ttyACM0", Address("myo", "/dev/ttyACM0")),
        ("chords:/dev/ttyACM0?baud=230400", Address("chords", "/dev/ttyACM0", {"baud": "230400"})),
        ("text:COM3?rate=1000&channels=8", Address("text", "COM3", {"rate": "1000", "channels": "8"})),
        ("brainflow:synthetic?channels=1-8", Address("brainflow", "synthetic", {"channels": "1-8"})),
    ],
)
def test_what_is_typed_is_understood(text, expected):
    assert parse(text) == expected
    assert parse(str(parse(text))) == expected


@pytest.mark.parametrize("name", list(SCHEMES))
def test_every_example_can_be_read(name):
    assert parse(SCHEMES[name].example).scheme == name


@given(st.text(min_size=1).filter(lambda name: "=" not in name and name == name.strip()))
@settings(deadline=None, max_examples=50)
def test_a_stream_may_have_any_name(name):
    assert parse(f"lsl:{name}").place == name
    assert parse(f"lsl:name={name}").options == {"name": name}


def test_an_example_takes_another_port():
    assert with_place("text", "COM3") == "text:COM3?rate=1000&channels=8&unit=uV"
    assert with_place("myo", "/dev/a\\1") == "myo:/dev/a\\1"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("abacus:7", ["'abacus'", *(scheme.example for name, scheme in SCHEMES.items() if name != "sim")]),
        ("nothing.csv", ["no device or recording 'nothing.csv'", "lsl:NAME", "serial port"]),
        ("cyton", ["no device or recording 'cyton'", "cyton:/dev/ttyUSB0"]),
        ("C:\\emg\\arm.csv", ["no device or recording"]),
        ("x\0", ["no device or recording"]),
        ("sim:height=3", ["'height=3'", "person, session", "like sim:person=7"]),
        ("sim:7", ["'7'", "like sim:person=7"]),
        ("sim:person=me", ["'me'", "a whole number"]),
        ("sim:person=-1", ["'-1'", "a whole number"]),
        ("sim:rate=nan", ["'nan'", "a number above zero"]),
        ("sim:rate=0", ["'0'", "a number above zero"]),
        ("sim:person=1,person=2", ["said twice", "'1'", "'2'"]),
        ("lsl:tpye=EMG", ["'tpye=EMG'", "name, type, source_id"]),
        ("lsl:type=", ["type is ''"]),
        ("cyton:/dev/ttyUSB0?baud=9600", ["'baud=9600'", "it has no options"]),
        ("text:/dev/ttyUSB0", ["does not say channels", "rate=1000&channels=8&unit=uV"]),
        ("text:/dev/ttyUSB0?channels=0", ["'0'", "above zero"]),
        ("text:?rate=a&channels=8", ["rate is 'a'", "a number above zero"]),
        ("brainflow:", ["names no board", "brainflow:synthetic"]),
        ("brainflow:synthetic?colour=red", ["'colour=red'", "serial_port"]),
    ],
)
def test_what_is_none_is_one_sentence_that_lists_what_there_is(text, words):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are below
        parse(text)
    said = str(caught.value)
    assert "\n" not in said
    for word in words:
        assert word in said


def test_a_recording_is_a_path_also_with_a_colon_in_it_and_inside_a_zip(tmp_path, monkeypatch):
    import zipfile  # noqa: PLC0415 - this test alone

    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile("all.zip", "w") as archive:
        archive.writestr("one.csv", "1,2\n")
    assert parse("all.zip/one.csv") == Address(FILE, "all.zip/one.csv")
    if sys.platform != "win32":
        Path("run:7.csv").write_text("1,2\n")
        Path("C:\\emg.csv").write_text("1,2\n")  # a drive letter is no scheme
        for name in ("run:7.csv", "C:\\emg.csv"):
            assert parse(name) == Address(FILE, name)


@pytest.mark.skipif(not Path(os.devnull).exists(), reason="no character devices here")
def test_a_port_without_its_language_is_answered_with_those_there_are():
    with pytest.raises(ValueError, match="is a serial port, not a recording") as caught:
        parse(os.devnull)
    for name in ("cyton", "myo", "chords", "text"):
        assert with_place(name, os.devnull) in str(caught.value)
