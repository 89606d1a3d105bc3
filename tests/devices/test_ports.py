"""Serial ports by their USB ids."""

from __future__ import annotations

import pytest
from serial.tools.list_ports_common import ListPortInfo

from devices import ports
from devices.address import SCHEMES
from devices.ports import KNOWN, SerialPort, listed, port_of, recognise


def plugged(path: str, vendor: int | None = None, product: int | None = None, description: str = "n/a") -> ListPortInfo:
    port = ListPortInfo(path, skip_link_detection=True)
    port.vid, port.pid, port.description = vendor, product, description
    return port


@pytest.mark.parametrize(
    ("vendor", "product", "scheme"),
    [
        (0x0403, 0x6015, "cyton"),
        (0x0403, 0x6001, "text"),
        (0x2458, 0x0001, "myo"),
        (0x2341, 0x0043, "chords"),
        (0x1A86, 0x7523, "chords"),
        (0x0483, 0x5740, "chords"),
        (0x10C4, 0xEA60, "chords"),
        (0x2E8A, 0x000A, "chords"),
        (0x303A, 0x1001, "chords"),
    ],
)
def test_usb_ids_say_what_is_plugged_in(vendor, product, scheme):
    found = recognise(plugged("/dev/ttyUSB3", vendor, product))
    assert found.path == "/dev/ttyUSB3"
    assert found.schemes[0] == scheme


def test_every_scheme_that_is_guessed_is_one_of_a_port():
    for known in KNOWN:
        for scheme in known.schemes:
            assert "port" in SCHEMES[scheme].place


def test_another_port_is_described_and_not_guessed():
    assert recognise(plugged("COM1", description="Communications Port")) == SerialPort("COM1", "Communications Port")
    assert recognise(plugged("/dev/ttyS0")) == SerialPort("/dev/ttyS0", "not recognised")
    assert "1234:5678" in recognise(plugged("COM4", 0x1234, 0x5678, "Thing")).what


DONGLE = recognise(plugged("/dev/ttyUSB0", 0x0403, 0x6015))
SECOND = recognise(plugged("/dev/ttyUSB1", 0x0403, 0x6015))
MYO = recognise(plugged("/dev/ttyACM0", 0x2458, 0x0001))
BOARD = recognise(plugged("/dev/ttyACM1", 0x2341, 0x0043))


def test_the_only_one_is_found():
    there = [MYO, DONGLE, BOARD]
    assert port_of("cyton", "a Cyton", there) == "/dev/ttyUSB0"
    assert port_of("myo", "a Myo", there) == "/dev/ttyACM0"
    assert port_of("chords", "a board", there) == "/dev/ttyACM1"
    assert port_of("text", "lines", [MYO, BOARD]) == "/dev/ttyACM1"


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ([], ["no port looks like a Cyton", "cyton:/dev/ttyUSB0", "there is no serial port now"]),
        ([MYO], ["no port looks like a Cyton", "cyton:/dev/ttyACM0", "BLED112"]),
        ([DONGLE, SECOND, MYO], ["several", "cyton:/dev/ttyUSB0", "cyton:/dev/ttyUSB1"]),
    ],
)
def test_none_or_several_is_a_sentence_with_those_there_are(there, words):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are below
        port_of("cyton", "a Cyton", there)
    for word in words:
        assert word in str(caught.value)


def test_this_machine_can_be_asked():
    found = ports.serial_ports()
    assert list(found) == sorted(found, key=lambda port: (not port.schemes, port.path))
    assert all(port.path in listed() for port in found)
