"""The Myo armband through its Bluetooth dongle (BLED112): eight channels, 200 Hz, raw int8 counts.

One count is taken as one microvolt: its size in volts was never published, so only relations between recordings of
such armbands mean anything.
"""

from __future__ import annotations

import contextlib
import math
import struct

import numpy as np

from devices.boards import bgapi, myo_profile
from devices.boards.bgapi_dialogue import Dialogue
from devices.boards.bgapi_parser import Packet, Parser
from devices.boards.myo_rotation import Numbered, Rotation
from devices.boards.port import Gone, Port
from devices.boards.serial_source import Block, SerialSource
from devices.integrity import Integrity
from dsp.flow import StreamInfo

RATE_HZ = myo_profile.NOTIFICATIONS_HZ * myo_profile.SAMPLES
CHANNELS = tuple(f"ch{number}" for number in range(1, myo_profile.CHANNELS + 1))
FULL_SCALE_UV = 127.0
"""Where int8 ends above; below it goes one count further."""

BAUD = 115200
"""Of no meaning on a USB dongle, but something must be said."""

_SIZE = myo_profile.SAMPLES * myo_profile.CHANNELS
_ANSWER_S = 0.4
_SCAN_S = 2.0
_CONNECT_S = 0.8
_ATTRIBUTE_S = 0.5
_PARTING_S = 0.15
_SETTLE_S = 0.03
_PAUSE_S = 0.07
_CONNECTIONS = (0, 1, 2)
_NONE = -1
_CLOSER = "bring it nearer to the dongle, charge it, then start again"


def open_myo(path: str, *, patience_s: float = 4.0) -> SerialSource:
    """The armband behind the dongle at a port.

    Args:
        path: of the dongle's port, such as ``/dev/ttyACM0``.
        patience_s: how long it may be away.

    Raises:
        ValueError: the port cannot be opened, there is no dongle or no armband; the message says what to do.
    """
    return SerialSource(path, BAUD, MyoLanguage(), what="the Myo", patience_s=patience_s)


class MyoLanguage:
    """What is spoken with the dongle and the armband behind it; a ``devices.boards.serial_source.Language``."""

    def __init__(self) -> None:
        self.integrity = Integrity(myo_profile.CHANNELS)
        self._rotation = Rotation(1 / myo_profile.NOTIFICATIONS_HZ, self.integrity)
        self._parser = self._fresh_parser()
        self._port: Port | None = None
        self._connection = _NONE
        self._streaming = False
        self._base = 0  # stream index of the first sample of notification 0
        self._next = 0
        self._heard_s = self._looked_s = -math.inf
        self._paused = False  # nobody looked for so long that what has come may have come earlier

    def start(self, port: Port) -> StreamInfo:
        """Find an armband, connect, let it vibrate and stream; see ``Language``."""
        self._port, self._connection, self._streaming = port, _NONE, False
        self._parser = self._fresh_parser()
        talk = Dialogue(port, self._parser, self._hear)
        self._quieten(talk)
        self._connect(talk, self._search(talk))
        name = self._read(talk, myo_profile.NAME).decode("utf-8", "replace").strip("\0 ") or "Myo"
        self._check_firmware(name, self._read(talk, myo_profile.FIRMWARE))
        for handle in myo_profile.EMG_NOTIFY:
            self._write(talk, handle, myo_profile.NOTIFY)
        for command in (myo_profile.NEVER_SLEEP, myo_profile.VIBRATE_BRIEFLY):
            self._write(talk, myo_profile.COMMAND, command)
        self._begin()
        self._write(talk, myo_profile.COMMAND, myo_profile.RAW_EMG)
        talk.leave()
        return StreamInfo(name, RATE_HZ, CHANNELS, full_scale_uv=FULL_SCALE_UV)

    def parse(self, raw: bytes, arrived_s: float) -> list[Block]:
        """See ``Language``; to be called at least every 50 ms, also with nothing."""
        self._paused, self._looked_s = arrived_s - self._looked_s > _PAUSE_S, arrived_s
        if raw:
            packets = self._parser.feed(raw, arrived_s)
            self._heard_s = arrived_s
        else:
            packets = self._parser.settle() if arrived_s - self._heard_s > _SETTLE_S else []
        for packet in packets:
            self._hear(packet)
        return self._blocks(self._rotation.take(arrived_s))

    def stop(self, port: Port) -> None:
        """Neither samples nor connection, and the armband may fall asleep; see ``Language``."""
        connection, self._connection, self._streaming = self._connection, _NONE, False
        talk = Dialogue(port, self._parser, self._hear)
        with contextlib.suppress(Gone):
            if connection == _NONE:
                talk.ask(bgapi.end_scan(), _PARTING_S)
                return
            for command in (myo_profile.NO_MODE, myo_profile.SLEEP_AGAIN):
                talk.ask(bgapi.write(connection, myo_profile.COMMAND, command), _PARTING_S)
                talk.hear(bgapi.DONE, _PARTING_S)
            talk.ask(bgapi.disconnect(connection), _PARTING_S)

    def resume(self, index: int) -> None:
        """See ``Language``."""
        self._base = max(index, self._next)

    def _fresh_parser(self) -> Parser:
        return Parser(bgapi.ANSWERS, Integrity(myo_profile.CHANNELS))  # what was said before the stream does not count

    def _begin(self) -> None:
        """From now on samples may come."""
        self._parser.integrity = self.integrity
        self._rotation.restart()
        self._base = self._next
        self._streaming = True

    def _quieten(self, talk: Dialogue) -> None:
        """End what another program has left behind."""
        if all(talk.ask(bgapi.end_scan(), _ANSWER_S) is None for _ in range(2)):
            raise ValueError(
                f"what is at {self._where()} does not answer as the Myo's dongle (BLED112) does; choose its port, or "
                f"close other programs such as Myo Connect, unplug the dongle, plug it in again, then start again"
            )
        for connection in _CONNECTIONS:
            talk.ask(bgapi.disconnect(connection), _ANSWER_S)

    def _search(self, talk: Dialogue) -> bytes:
        """The address of the first armband that is heard."""
        talk.ask(bgapi.discover(), _ANSWER_S)
        heard: bytes | None = None
        with contextlib.suppress(Gone):  # also when the time is up; a dongle that went away will be missed next
            heard = talk.hear(bgapi.ADVERTISEMENT, _SCAN_S, lambda payload: payload.endswith(myo_profile.ADVERTISED))
            talk.ask(bgapi.end_scan(), _ANSWER_S)
        if heard is None:
            raise ValueError(
                f"the dongle at {self._where()} hears no Myo; charge it, put it on and move the arm to wake it, close "
                f"other programs that may hold it such as Myo Connect, then start again"
            )
        return heard[2:8]

    def _connect(self, talk: Dialogue, address: bytes) -> None:
        answer = talk.ask(bgapi.connect(address), _ANSWER_S)
        result, connection = struct.unpack("<HB", answer) if answer else (None, 0)
        if result == bgapi.DONE_WELL and talk.hear(bgapi.STATUS, _CONNECT_S, lambda status: status[0] == connection):
            self._connection = connection
            return
        talk.ask(bgapi.end_scan(), _PARTING_S)  # the dongle would go on trying
        raise ValueError(
            f"the Myo {address[::-1].hex(':')} was heard but does not let itself be connected; {_CLOSER}, "
            f"and close other programs that may hold it such as Myo Connect"
        )

    def _read(self, talk: Dialogue, handle: int) -> bytes:
        talk.ask(bgapi.read(self._connection, handle), _ATTRIBUTE_S)
        answer = talk.hear(bgapi.VALUE, _ATTRIBUTE_S, lambda payload: bgapi.value_of(payload).handle == handle)
        if answer is None:
            raise ValueError(f"the Myo is connected but does not answer; {_CLOSER}")
        return bgapi.value_of(answer).data

    def _write(self, talk: Dialogue, handle: int, data: bytes) -> None:
        talk.ask(bgapi.write(self._connection, handle, data), _ATTRIBUTE_S)
        answer = talk.hear(bgapi.DONE, _ATTRIBUTE_S, lambda payload: payload[3] == handle)
        if answer is None or answer[1:3] != b"\0\0":
            raise ValueError(f"the Myo is connected but does not do as it is told; {_CLOSER}")

    def _check_firmware(self, name: str, raw: bytes) -> None:
        version = struct.unpack("<4H", raw) if len(raw) == 8 else (0, 0, 0, 0)
        if version[0] != 1:
            said = ".".join(map(str, version[:3]))
            raise ValueError(f"{name!r} has firmware {said}, but only 1.x is understood; update it with Myo Connect")

    def _where(self) -> str:
        return repr(self._port.path) if self._port else "the port"

    def _hear(self, packet: Packet) -> None:
        if packet.kind == bgapi.VALUE and self._streaming:
            self._notified(bgapi.value_of(packet.payload), packet.arrived_s)
        elif packet.kind == bgapi.DISCONNECTED and packet.payload[0] == self._connection and self._streaming:
            self._connection, self._streaming = _NONE, False
            if self._port is not None:
                self._port.until(-math.inf)  # the next read says that it is gone, and the armband is looked for

    def _notified(self, value: bgapi.Value, arrived_s: float) -> None:
        right = value.connection == self._connection and value.type == bgapi.WAS_NOTIFIED
        if right and value.handle in myo_profile.EMG and len(value.data) == _SIZE:
            self._rotation.add(myo_profile.EMG.index(value.handle), value.data, arrived_s, paused=self._paused)
        elif not right or myo_profile.OTHER_SIZES.get(value.handle) != len(value.data):
            self.integrity.damaged += 1

    def _blocks(self, numbered: list[Numbered]) -> list[Block]:
        """Those that follow one another, together."""
        blocks: list[Block] = []
        begin = 0
        for end in range(1, len(numbered) + 1):
            if end < len(numbered) and numbered[end].number == numbered[end - 1].number + 1:
                continue
            data = b"".join(one.data for one in numbered[begin:end])
            samples = np.frombuffer(data, np.int8).reshape(-1, myo_profile.CHANNELS).astype(np.float32)
            blocks.append(Block(samples, self._base + numbered[begin].number * myo_profile.SAMPLES))
            self._next = blocks[-1].first + len(samples)
            begin = end
        return blocks
