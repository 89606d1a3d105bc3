"""The Myo's Bluetooth dongle (BLED112) with one armband in its reach, and a device that is none."""

from __future__ import annotations

import struct

import numpy as np

from devices.boards import bgapi, myo_profile
from devices.boards.bgapi_parser import Packet, Parser
from devices.emulators.feed import Feed
from devices.integrity import Integrity

ADDRESS = bytes.fromhex("5D2937F552C2")
"""Of the armband, as it is sent: the last byte first."""

STRANGER = bytes.fromhex("0102030405C6")
"""Of a device in reach that is no Myo."""

CONNECTION = 0
FIRMWARE = (1, 5, 1970, 2)
FILTERED, RAW = 2, 3

_STRANGER_SAYS = b"\x02\x01\x06\x05\x09Lamp"
_MYO_SAYS = b"\x02\x01\x06\x11" + myo_profile.ADVERTISED
_PLACE_OF_NOTIFY = {handle: place for place, handle in enumerate(myo_profile.EMG_NOTIFY)}


class Myo:
    """An ``Emulated`` dongle and armband.

    The armband sends what the feed gives, rounded to whole microvolts and limited to int8, in modes 2 and 3 alike. Its
    handles take turns from the first one after each start on. A connection survives when the program closes the port,
    as it does with the real dongle.

    Args:
        feed: 8 channels at 200 Hz.
        name: that the armband was given.
        firmware: its version.
        present: the armband is in reach and charged.
        leaves_at: number of the packet in whose place the connection is lost, once; never if None.

    Attributes:
        streaming: it is connected, told to send EMG, and all four handles are subscribed. (The armband would send on
            some of them alone, too.)
        connected: the armband is connected to the dongle.
        vibrations: length of each vibration there was, 1 to 3.
        lights: colours of logo and bar as they were set, six bytes each time.
        wakeful: it was told never to fall asleep.
        asleep: it was put into deep sleep, from which only USB power wakes it.
    """

    packet_rate_hz = myo_profile.NOTIFICATIONS_HZ
    samples_per_packet = myo_profile.SAMPLES

    def __init__(
        self,
        feed: Feed,
        *,
        name: str = "My Myo",
        firmware: tuple[int, int, int, int] = FIRMWARE,
        present: bool = True,
        leaves_at: int | None = None,
    ) -> None:
        feed.must_have(self.packet_rate_hz * self.samples_per_packet, myo_profile.CHANNELS, "a Myo")
        self.feed = feed
        self.present = present
        self.vibrations: list[int] = []
        self.lights: list[bytes] = []
        self.asleep = False
        self._leaves_at = leaves_at
        self._attributes = {
            myo_profile.NAME: name.encode(),
            myo_profile.BATTERY: b"\x5a",
            myo_profile.FIRMWARE: struct.pack("<4H", *firmware),
        }
        self._parser = self._fresh_parser()
        self._subscribed = [False] * len(myo_profile.EMG)
        self._mode = 0
        self._begin: int | None = None  # the packet in which the handles began their turns
        self.connected = self.streaming = self.wakeful = False

    def reset(self) -> None:
        """The dongle is plugged in anew; the armband is not connected."""
        self._parser = self._fresh_parser()
        self._let_go()

    def attend(self, present: bool) -> bytes:  # noqa: ARG002 - the dongle does not care who listens
        """See ``Emulated``."""
        return b""

    def listen(self, raw: bytes) -> bytes:
        """See ``Emulated``."""
        replies = [self._obey(packet) for packet in self._parser.feed(raw)]
        self.streaming = self._mode in (FILTERED, RAW) and all(self._subscribed)
        return b"".join(replies)

    def packet(self, number: int) -> bytes:
        """One notification, or that the connection is lost; see ``Emulated``."""
        if number == self._leaves_at:
            self._leaves_at = None
            self._let_go()
        if not self.connected:
            return bgapi.disconnected(CONNECTION, bgapi.GONE_SILENT)
        if self._begin is None:
            self._begin = number
        place = (number - self._begin) % len(myo_profile.EMG)
        block = self.feed.block(number * self.samples_per_packet, self.samples_per_packet)
        if len(block) < self.samples_per_packet:
            return b""
        data = np.clip(np.rint(block), -128, 127).astype(np.int8).tobytes()
        return bgapi.value(CONNECTION, myo_profile.EMG[place], data, notified=True)

    def _fresh_parser(self) -> Parser:
        return Parser(bgapi.COMMANDS, Integrity(myo_profile.CHANNELS))

    def _let_go(self) -> None:
        """As a Myo is that nobody is connected to."""
        self.connected = self.streaming = self.wakeful = False
        self._mode = 0
        self._subscribed = [False] * len(myo_profile.EMG)
        self._begin = None

    def _obey(self, packet: Packet) -> bytes:
        kind, payload = packet.kind, packet.payload
        if kind == bgapi.DISCOVER:
            return bgapi.answer(kind) + self._advertised()
        if kind == bgapi.CONNECT:
            return self._connect(payload[:6])
        if kind == bgapi.DISCONNECT:
            return self._disconnect(payload[0])
        if kind == bgapi.READ:
            return self._read(*struct.unpack("<BH", payload))
        if kind == bgapi.WRITE:
            connection, handle, _ = struct.unpack("<BHB", payload[:4])
            return self._write(connection, handle, payload[4:])
        return bgapi.answer(bgapi.END_SCAN)

    def _advertised(self) -> bytes:
        heard = bgapi.advertisement(STRANGER, _STRANGER_SAYS, -80)
        if self.present and not self.asleep and not self.connected:
            heard += bgapi.advertisement(ADDRESS, _MYO_SAYS)
        return heard

    def _connect(self, address: bytes) -> bytes:
        """An absent device is waited for, without a word."""
        if address != ADDRESS or not self.present or self.asleep or self.connected:
            return bgapi.answer_connect(CONNECTION)
        self.connected = True
        return bgapi.answer_connect(CONNECTION) + bgapi.status(CONNECTION, ADDRESS)

    def _disconnect(self, connection: int) -> bytes:
        if not self.connected or connection != CONNECTION:
            return bgapi.answer_about(bgapi.DISCONNECT, connection, bgapi.NOT_CONNECTED)
        self._let_go()
        return bgapi.answer_about(bgapi.DISCONNECT, connection) + bgapi.disconnected(connection, bgapi.CLOSED_HERE)

    def _read(self, connection: int, handle: int) -> bytes:
        if not self.connected or connection != CONNECTION:
            return bgapi.answer_about(bgapi.READ, connection, bgapi.NOT_CONNECTED)
        data = self._attributes.get(handle)
        if data is None:
            found = bgapi.done(connection, handle, bgapi.NO_SUCH_HANDLE)
        else:
            found = bgapi.value(connection, handle, data, notified=False)
        return bgapi.answer_about(bgapi.READ, connection) + found

    def _write(self, connection: int, handle: int, data: bytes) -> bytes:
        if not self.connected or connection != CONNECTION:
            return bgapi.answer_about(bgapi.WRITE, connection, bgapi.NOT_CONNECTED)
        reply = bgapi.answer_about(bgapi.WRITE, connection) + bgapi.done(connection, handle)
        if handle in _PLACE_OF_NOTIFY:
            self._subscribed[_PLACE_OF_NOTIFY[handle]] = data[:1] == b"\x01"
        elif handle == myo_profile.COMMAND:
            reply += self._command(data)
        return reply

    def _command(self, data: bytes) -> bytes:
        """What the armband does; a command that it does not know is taken and ignored."""
        if data[:2] == b"\x01\x03":
            self._mode, self._begin = data[2], None
        elif data[:2] == b"\x03\x01":
            self.vibrations.append(data[2])
        elif data[:2] == b"\x06\x06":
            self.lights.append(data[2:])
        elif data[:2] == b"\x09\x01":
            self.wakeful = data[2] == 1
        elif data == myo_profile.DEEP_SLEEP:
            self.asleep = True
            self._let_go()
            return bgapi.disconnected(CONNECTION, bgapi.CLOSED_THERE)
        return b""
