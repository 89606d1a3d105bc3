"""Serial ports, recognised by the USB ids of what is plugged in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo


@dataclass(frozen=True, slots=True)
class Known:
    """What sits behind a pair of USB ids.

    Attributes:
        vendor: the USB vendor id.
        products: the product ids; empty for all of the vendor's.
        what: it is, for people.
        schemes: of the DEVICE strings that may fit, the likeliest first.
    """

    vendor: int
    products: tuple[int, ...]
    what: str
    schemes: tuple[str, ...]


_BOARD = ("chords", "text")

KNOWN = (
    Known(0x0403, (0x6015,), "FTDI FT231X, as in the OpenBCI dongle", ("cyton", "text")),
    Known(0x2458, (0x0001,), "BLED112, the dongle of the Myo", ("myo",)),
    Known(0x2341, (), "Arduino", _BOARD),
    Known(0x2A03, (), "Arduino", _BOARD),
    Known(0x1A86, (0x7523, 0x7522, 0x55D4), "CH340, as on Arduino clones", _BOARD),
    Known(0x0483, (0x5740,), "STM32", _BOARD),
    Known(0x10C4, (0xEA60,), "CP210x, as on ESP32 boards", _BOARD),
    Known(0x2E8A, (), "Raspberry Pi Pico (RP2040)", _BOARD),
    Known(0x303A, (), "Espressif ESP32", _BOARD),
    Known(0x0403, (), "FTDI serial converter", ("text",)),
)
"""In the order in which they are looked through."""


@dataclass(frozen=True, slots=True)
class SerialPort:
    """A serial port of this machine.

    Attributes:
        path: ``/dev/ttyUSB0``, ``COM3``.
        what: is plugged in, for people.
        schemes: of the DEVICE strings that may fit, the likeliest first; empty where nothing is known.
    """

    path: str
    what: str
    schemes: tuple[str, ...] = ()


def recognise(port: ListPortInfo) -> SerialPort:
    """What one port of pyserial's list is."""
    for known in KNOWN:
        if port.vid == known.vendor and (not known.products or port.pid in known.products):
            return SerialPort(port.device, known.what, known.schemes)
    said = port.product or port.description
    ids = "" if port.vid is None else f" (USB {port.vid:04x}:{port.pid or 0:04x})"
    return SerialPort(port.device, f"{said if said and said != 'n/a' else 'not recognised'}{ids}")


def serial_ports() -> tuple[SerialPort, ...]:
    """Those there are, in the order of their paths; the motherboard's own, which no armband uses, come last."""
    found = [recognise(port) for port in list_ports.comports()]
    return tuple(sorted(found, key=lambda port: (not port.schemes, port.path)))


def port_of(scheme: str, what: str, ports: Sequence[SerialPort] | None = None) -> str:
    """The path of the one port whose USB ids fit a scheme.

    Args:
        scheme: of a DEVICE string.
        what: is looked for, for people.
        ports: to look through; None for those of this machine.

    Raises:
        ValueError: there is none, or there are several; the message lists the ports there are.
    """
    ports = serial_ports() if ports is None else ports
    likely = [port for port in ports if port.schemes[:1] == (scheme,)] or [p for p in ports if scheme in p.schemes]
    if len(likely) == 1:
        return likely[0].path
    if likely:
        named = ", ".join(f"{scheme}:{port.path}" for port in likely)
        raise ValueError(f"several ports may be {what}; choose one: {named}")
    raise ValueError(
        f"no port looks like {what}; plug it in, or name its port, like {scheme}:{_example(ports)} ({listed(ports)})"
    )


def listed(ports: Sequence[SerialPort] | None = None) -> str:
    """The ports there are, for a sentence."""
    ports = serial_ports() if ports is None else ports
    if not ports:
        return "there is no serial port now"
    return f"serial ports now are {', '.join(f'{port.path} ({port.what})' for port in ports)}"


def _example(ports: Sequence[SerialPort]) -> str:
    return ports[0].path if ports else "/dev/ttyUSB0"
