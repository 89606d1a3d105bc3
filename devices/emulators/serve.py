"""An emulated device on its line, in real time, with whatever is to go wrong."""

from __future__ import annotations

import math
import threading
import time
from pathlib import Path
from typing import Protocol

from devices.emulators.faults import NO_FAULTS, Faults, Injected, Log, Saboteur
from devices.emulators.line import Line

_LONGEST_WAIT_S = 0.02
_PATIENCE_S = 0.5  # what a reader gets to fetch the last bytes before the line is hung up
_SETTLE_S = 0.05  # a program that has just opened a port still sets it up, and forgets what came before that
_JOIN_S = 5.0


class Emulated(Protocol):
    """A device without its line: bytes in, bytes out, no clock and no threads.

    Attributes:
        packet_rate_hz: packets it sends in a second.
        samples_per_packet: packet ``n`` carries the recording's samples from ``n * samples_per_packet`` on.
        streaming: packets are to be sent.
    """

    packet_rate_hz: float
    samples_per_packet: int
    streaming: bool

    def attend(self, present: bool) -> bytes:
        """A program has opened the port, or closed it: what the device says to that, mostly nothing."""

    def listen(self, raw: bytes) -> bytes:
        """Takes what the program wrote, cut anywhere; returns the replies, and starts or stops streaming."""

    def packet(self, number: int) -> bytes:
        """The packet with this number since the recording's start; nothing after the recording's end.

        Numbers ascend; each is asked for once, also those that are then lost. The first one after a start command is
        mostly 0, and a later one where the device had been unplugged: counters of the device begin there.
        """

    def reset(self) -> None:
        """As after plugging in."""


def serve(emulated: Emulated, line: Line, faults: Faults, log: Log, *, until: threading.Event) -> None:
    """Plays the device until ``until`` is set or its recording ends.

    Packet ``n`` goes out at ``start + (n + 1) / packet_rate``, an absolute time, so that no delay adds to the next one.
    The recording's clock starts with the start command and runs on through every fault, a disconnection included; the
    next start command after a stop command starts it anew.
    """
    _Play(emulated, line, faults, log, until).run()


class _Play:
    def __init__(self, emulated: Emulated, line: Line, faults: Faults, log: Log, until: threading.Event) -> None:
        self.emulated, self.line, self.faults, self.log, self.until = emulated, line, faults, log, until
        self.saboteur = Saboteur(faults, emulated.packet_rate_hz, log)
        self.present = False  # a program has the line open
        self.away = False  # the device was unplugged in the middle of a stream, and has not been started since
        self.started_s: float | None = None  # the recording's clock
        self.next = 0

    def run(self) -> None:
        ended = False
        while not self.until.is_set() and not ended:
            self.attend()
            self.listen()
            if self.emulated.streaming and self.started_s is not None:
                ended = self.send_due(self.started_s)
            self.line.wait(self.wait_s())
        self.send(self.saboteur.finish())
        if self.away:
            self.note_absence()

    def wait_s(self) -> float:
        if not self.emulated.streaming or self.started_s is None:
            return _LONGEST_WAIT_S
        due = self.started_s + (self.next + 1) / self.emulated.packet_rate_hz
        return min(_LONGEST_WAIT_S, max(due - time.perf_counter(), 0.0))

    def attend(self) -> None:
        present = self.line.connected
        if present == self.present:
            return
        self.present = present
        self.log.event("connected" if present else "left", self.next)
        was = self.emulated.streaming
        said = self.emulated.attend(present)
        if said or (self.emulated.streaming and not was):
            self.until.wait(_SETTLE_S)
        self.follow(was)
        if present:
            self.line.write(said)
        else:
            self.line.forget()

    def listen(self) -> None:
        heard = self.line.read()
        if not heard:
            return
        was = self.emulated.streaming
        reply = self.emulated.listen(heard)
        self.follow(was)
        self.line.write(reply)

    def follow(self, was: bool) -> None:
        """The recording's clock follows what the device has just been told."""
        now = self.emulated.streaming
        if was and not now:
            self.send(self.saboteur.finish())
            self.log.event("stop", self.next)
            self.started_s = None
        elif now and not was and self.away:
            self.note_absence()
            self.log.event("resume", self.next)
        elif now and not was:
            self.started_s, self.next = time.perf_counter(), 0
            self.log.event("start", 0)

    def send_due(self, started_s: float) -> bool:
        """Sends what is due; whether the recording has ended."""
        due = math.floor((time.perf_counter() - started_s) * self.emulated.packet_rate_hz)
        while self.next < due:
            if self.faults.disconnect is not None and self.saboteur.unplugs(self.next):
                self.unplug(self.faults.disconnect[0])
                return False
            raw = self.emulated.packet(self.next)
            if not raw:
                self.log.event("end", self.next)
                return True
            self.log.made += 1
            self.send(self.saboteur(self.next, raw))
            self.next += 1
        return False

    def send(self, packets: list[tuple[int, bytes]]) -> None:
        for number, raw in packets:
            taken = self.line.write(raw)
            if not raw:
                continue
            if taken == len(raw):
                self.log.sent += 1
            elif self.line.connected:
                self.log.fault("overrun", number, byte=taken)
            else:
                self.log.unheard += 1

    def unplug(self, lasts_s: float) -> None:
        self.send(self.saboteur.finish())
        if not self.line.hang_up(_PATIENCE_S):
            self.log.event("unread", self.next)
        self.log.event("gone", self.next)
        self.present, self.away = False, True
        self.emulated.attend(False)
        self.emulated.reset()
        if not self.until.wait(lasts_s):
            self.line.come_back()
            self.log.event("back", self.next)

    def note_absence(self) -> None:
        """The packets from the disconnection until now were never made."""
        if self.started_s is not None:
            now = math.ceil((time.perf_counter() - self.started_s) * self.emulated.packet_rate_hz)
            count = max(now - self.next, 1)
            self.log.fault("disconnect", self.next, count)
            self.next += count
        self.away = False


class Served:
    """A device on a line of its own, played by a thread: for tests and for whoever wants one in a program.

    Args:
        emulated: the device.
        faults: what goes wrong.
        link: see ``Line``.
        name: see ``Line``.
        notes: where it is noted what happens; a new one if None.

    Raises:
        ValueError: see ``Line``; on leaving, whatever ended the thread.
    """

    def __init__(
        self,
        emulated: Emulated,
        faults: Faults = NO_FAULTS,
        *,
        link: Path | None = None,
        name: str = "device",
        notes: Log | None = None,
    ) -> None:
        self.emulated = emulated
        self.faults = faults
        self.notes = Log() if notes is None else notes
        self.line = Line(link, name)
        self._until = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="emulated device", daemon=True)

    @property
    def path(self) -> str:
        """What a program opens."""
        return self.line.path

    @property
    def log(self) -> list[Injected]:
        """The faults so far; complete after ``stop``."""
        return self.notes.injected

    @property
    def sent(self) -> int:
        """Packets that went out to somebody."""
        return self.notes.sent

    @property
    def alive(self) -> bool:
        """The device plays: its recording has not ended, and nothing has gone wrong."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """The device falls silent; what it sent can still be read.

        Raises:
            RuntimeError: it does not within some seconds.
            BaseException: what ended the thread before.
        """
        self._until.set()
        self._thread.join(_JOIN_S)
        if self._thread.is_alive():
            raise RuntimeError("the emulated device does not stop")
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def __enter__(self) -> Served:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            self.line.close()

    def _run(self) -> None:
        try:
            serve(self.emulated, self.line, self.faults, self.notes, until=self._until)
        except BaseException as error:
            self._error = error
