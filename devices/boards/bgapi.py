"""BGAPI, the language of Bluegiga's Bluetooth dongles (the Myo's BLED112): what each message looks like.

A packet is ``[0x00 command or response | 0x80 event][payload length][class][command][payload]``; there is no checksum
(Bluetooth Smart Software API Reference Manual, Silicon Labs). Numbers are little-endian. Only the messages that a
client of a peripheral needs are here, and none is longer than 255 bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

COMMAND = RESPONSE = 0x00
EVENT = 0x80
HEADER = 4
"""Bytes before the payload."""


class Kind(NamedTuple):
    """Which message a packet is: its first byte, class and command."""

    type: int
    group: int
    command: int


@dataclass(frozen=True, slots=True)
class Shape:
    """How the payload of one kind of message must look.

    Attributes:
        length: bytes, without those that are counted.
        count_at: where in the payload stands how many further bytes follow the ``length`` ones; None where none do.
        most: the largest value that a byte of the payload can have, for each place where that is known.
        sure: so much of the head is fixed that it does not turn up in other data by chance.
    """

    length: int
    count_at: int | None = None
    most: Mapping[int, int] = field(default_factory=dict)
    sure: bool = False


BOOTED = Kind(EVENT, 0, 0)
DISCONNECT = Kind(RESPONSE, 3, 0)
STATUS = Kind(EVENT, 3, 0)
DISCONNECTED = Kind(EVENT, 3, 4)
READ = Kind(RESPONSE, 4, 4)
WRITE = Kind(RESPONSE, 4, 5)
DONE = Kind(EVENT, 4, 1)
VALUE = Kind(EVENT, 4, 5)
DISCOVER = Kind(RESPONSE, 6, 2)
CONNECT = Kind(RESPONSE, 6, 3)
END_SCAN = Kind(RESPONSE, 6, 4)
ADVERTISEMENT = Kind(EVENT, 6, 0)

COMMANDS: Mapping[Kind, Shape] = {
    DISCONNECT: Shape(1),
    READ: Shape(3),
    WRITE: Shape(4, count_at=3),
    DISCOVER: Shape(1),
    CONNECT: Shape(15),
    END_SCAN: Shape(0),
}
"""What a dongle hears."""

ANSWERS: Mapping[Kind, Shape] = {
    BOOTED: Shape(12),
    DISCONNECT: Shape(3),
    STATUS: Shape(16),
    DISCONNECTED: Shape(3),
    READ: Shape(3),
    WRITE: Shape(3),
    DONE: Shape(5),
    VALUE: Shape(5, count_at=4, most={0: 7, 2: 0, 3: 5}, sure=True),  # 8 connections, handles below 256, 6 types
    DISCOVER: Shape(2),
    CONNECT: Shape(3),
    END_SCAN: Shape(2),
    ADVERTISEMENT: Shape(11, count_at=10),
}
"""What a dongle says."""

DONE_WELL = 0x0000
NOT_CONNECTED = 0x0186
GONE_SILENT = 0x0208
CLOSED_THERE = 0x0213
CLOSED_HERE = 0x0216
NO_SUCH_HANDLE = 0x0401

WAS_READ, WAS_NOTIFIED = 0, 1
"""Types of an attribute's value: asked for, or sent by the device itself."""

CONNECTED = 0x05
"""Flags of a status event: connected, and the connection is complete."""


class Value(NamedTuple):
    """An attribute of the connected device, as it was read or notified."""

    connection: int
    handle: int
    type: int
    data: bytes


def packet(kind: Kind, payload: bytes = b"") -> bytes:
    """Any message."""
    return bytes((kind.type, len(payload), kind.group, kind.command)) + payload


def end_scan() -> bytes:
    """Command: stop looking for devices."""
    return packet(END_SCAN)


def discover() -> bytes:
    """Command: report every device in reach that advertises itself to everybody."""
    return packet(DISCOVER, b"\x01")


def connect(address: bytes) -> bytes:
    """Command: connect to a public address, at intervals of 7.5 ms, given up after 0.64 s of silence."""
    return packet(CONNECT, address + struct.pack("<BHHHH", 0, 6, 6, 64, 0))


def disconnect(connection: int) -> bytes:
    """Command: let a device go."""
    return packet(DISCONNECT, bytes((connection,)))


def read(connection: int, handle: int) -> bytes:
    """Command: read an attribute; the value comes as an event."""
    return packet(READ, struct.pack("<BH", connection, handle))


def write(connection: int, handle: int, data: bytes) -> bytes:
    """Command: write an attribute; an event says when the device has taken it."""
    return packet(WRITE, struct.pack("<BHB", connection, handle, len(data)) + data)


def answer(kind: Kind, result: int = DONE_WELL) -> bytes:
    """Response to ``end_scan`` or ``discover``."""
    return packet(kind, struct.pack("<H", result))


def answer_connect(connection: int, result: int = DONE_WELL) -> bytes:
    """Response to ``connect``."""
    return packet(CONNECT, struct.pack("<HB", result, connection))


def answer_about(kind: Kind, connection: int, result: int = DONE_WELL) -> bytes:
    """Response to ``disconnect``, ``read`` or ``write``."""
    return packet(kind, struct.pack("<BH", connection, result))


def advertisement(address: bytes, data: bytes, rssi_dbm: int = -50) -> bytes:
    """Event: a device was heard."""
    head = struct.pack("<bB6sBBB", rssi_dbm, 0, address, 0, 0xFF, len(data))
    return packet(ADVERTISEMENT, head + data)


def status(connection: int, address: bytes) -> bytes:
    """Event: connected."""
    head = struct.pack("<BB6sB", connection, CONNECTED, address, 0)
    return packet(STATUS, head + struct.pack("<HHHB", 6, 64, 0, 0xFF))


def disconnected(connection: int, reason: int) -> bytes:
    """Event: the connection is no more."""
    return packet(DISCONNECTED, struct.pack("<BH", connection, reason))


def done(connection: int, handle: int, result: int = DONE_WELL) -> bytes:
    """Event: an attribute was written, or could not be read or written."""
    return packet(DONE, struct.pack("<BHH", connection, result, handle))


def value(connection: int, handle: int, data: bytes, *, notified: bool) -> bytes:
    """Event: an attribute's value."""
    kind = WAS_NOTIFIED if notified else WAS_READ
    return packet(VALUE, struct.pack("<BHBB", connection, handle, kind, len(data)) + data)


def value_of(payload: bytes) -> Value:
    """The payload of a ``VALUE``."""
    connection, handle, kind, _ = struct.unpack("<BHBB", payload[:5])
    return Value(connection, handle, kind, payload[5:])
