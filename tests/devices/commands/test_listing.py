"""``python -m devices list``."""

from __future__ import annotations

import json
import shlex
import sys
import uuid
from collections.abc import Iterator

import pytest

from devices.address import parse
from devices.cli import main
from devices.commands.listing import quoted
from devices.ports import serial_ports
from tests.devices.commands.test_check import on_a_terminal


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        main(["list", *arguments])
    said = capsys.readouterr()
    assert end.value.code == 0, said.err
    return said.out, said.err


@pytest.fixture
def streams() -> Iterator[str]:
    """The name of a stream of type EMG; one of type EEG and one of markers have it as well, with a word more."""
    import pylsl  # noqa: PLC0415 - loads liblsl

    name = f"list-{uuid.uuid4()}"
    outlets = [
        pylsl.StreamOutlet(pylsl.StreamInfo(name, "EMG", 8, 1000.0, pylsl.cf_float32, name)),
        pylsl.StreamOutlet(pylsl.StreamInfo(f"{name} EEG", "EEG", 4, 250.0, pylsl.cf_float32, "")),
        pylsl.StreamOutlet(pylsl.StreamInfo(f"{name} markers", "Markers", 1, 0.0, pylsl.cf_string, "")),
    ]
    yield name
    outlets.clear()


def test_streams_ports_and_simulators_are_listed_as_devices(streams, capsys):
    said, err = call(capsys, "--json", "--seconds", "1")
    assert err == ""
    listed = json.loads(said)
    found = {one["device"]: one for one in listed["devices"]}
    assert found[f"lsl:{streams}"]["sure"]
    assert "8 channels at 1000 Hz" in found[f"lsl:{streams}"]["what"]
    other = found[f"lsl:{streams} EEG"]
    assert not other["sure"]
    assert "'EEG', not EMG" in other["what"]
    assert f"lsl:{streams} markers" not in found
    assert "sim:person=7" in found
    for port in serial_ports():
        assert any(f":{port.path}" in device for device in found)
    for device in found:
        parse(device)


def test_each_plain_line_begins_with_what_is_to_be_pasted(streams, capsys):
    said, _ = call(capsys)
    devices = [shlex.split(line.partition("  ")[0])[0] for line in said.splitlines()]
    assert f"lsl:{streams}" in devices
    assert f"lsl:{streams} EEG" in devices
    for device in devices:
        parse(device)


def test_where_nothing_was_found_there_are_hints_apart_from_the_list(capsys):
    said, err = call(capsys, "--seconds", "0.2")
    assert "sim:person=7" in said
    if not any(line.startswith(("lsl:", "'lsl:")) for line in said.splitlines()):
        assert "no LSL stream of type EMG answered within 0.2 s" in err
    if not any(port.schemes for port in serial_ports()):
        assert "plug it in" in err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows quotes otherwise")
def test_what_a_shell_would_take_apart_is_quoted():
    assert quoted("cyton:/dev/ttyUSB0") == "cyton:/dev/ttyUSB0"
    for device in ("text:/dev/ttyS0?rate=1000&channels=8&unit=uV", "lsl:my arm"):
        assert shlex.split(quoted(device)) == [device]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_on_a_terminal_it_is_a_table(streams):
    said = on_a_terminal([sys.executable, "-m", "devices", "list"])
    assert "DEVICE" in said.splitlines()[0]
    assert "sim:person=7" in said
    assert all(len(text) <= 80 for text in said.splitlines()), said
