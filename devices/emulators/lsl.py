"""An LSL stream played from a recording, in real time, with whatever is to go wrong."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from devices.emulators.faults import NO_FAULTS, Faults, Injected, Log, Saboteur
from devices.emulators.feed import Feed
from devices.lsl.outlet import MarkerOutlet, Outlet
from devices.recording import UNLABELLED, Recording
from dsp.flow import StreamInfo

MARKERS = "-markers"
"""Stands behind the stream's name in the name of the one with the labels."""

_LONGEST_WAIT_S = 0.02
_LAST_S = 0.2  # what readers get to fetch the last samples before the stream is gone
_JOIN_S = 5.0


def serve_lsl(
    recording: Recording,
    *,
    name: str = "myostream",
    faults: Faults = NO_FAULTS,
    log: Log | None = None,
    until: threading.Event,
    once: bool = False,
    chunk: int = 1,
    source_id: str | None = None,
) -> None:
    """Streams a recording to other programs until ``until`` is set or, if ``once``, the recording ends.

    The labels of the recording, if it has any, are a stream of their own, called ``NAME-markers``; each is stamped with
    the time of the first sample it is of.

    The recording's clock starts when the first reader comes, and runs on through every fault. Sample ``k`` is stamped
    ``start + (k + 1) / rate``, and packet ``n`` is sent when its last sample is due, an absolute time, so that no
    delay adds to the next one. After a disconnection the stream goes on when a reader has come back.

    Args:
        recording: in microvolts, at the rate of the stream.
        name: of the stream.
        faults: what goes wrong; the packets they hit are chunks.
        log: where it is noted.
        until: ends it.
        once: end with the recording, instead of beginning again.
        chunk: samples that are sent together.
        source_id: see ``Outlet``.

    Raises:
        ValueError: the recording is empty, liblsl is missing, or a fault is none that LSL can have.
    """
    _refuse(faults, chunk)
    feed = Feed(recording, recording.info.rate_hz, len(recording.info.channels), once=once)
    info = replace(recording.info, name=name)
    play = _Play(feed, info, faults, log or Log(), until, chunk, source_id)
    if recording.labels is None:
        play.run()
        return
    outlet = MarkerOutlet(f"{name}{MARKERS}")
    try:
        play.marks = _Marks(recording.labels, recording.names, outlet)
        play.run()
    finally:
        outlet.close()


def _refuse(faults: Faults, chunk: int) -> None:
    if faults.flip or faults.lose:
        raise ValueError(
            "an LSL stream travels over TCP, where no byte is flipped or lost; "
            "choose among drop, duplicate, burst, stall and disconnect"
        )
    if chunk < 1:
        raise ValueError(f"an LSL stream cannot be sent in chunks of {chunk} samples; give at least 1")


class _Marks:
    """The labels of a recording, told when they change; those of a repetition too."""

    def __init__(self, labels: NDArray[np.int16], names: tuple[str, ...], outlet: MarkerOutlet) -> None:
        self._labels, self._names, self._outlet = labels, names, outlet
        self._last = UNLABELLED

    def tell(self, first: int, times: NDArray[np.float64]) -> None:
        """The samples from ``first`` on are sent; nothing is what an empty marker says."""
        for at, label in enumerate(self._labels[np.arange(first, first + len(times)) % len(self._labels)].tolist()):
            if label != self._last:
                self._outlet.push("" if label == UNLABELLED else self._names[label], float(times[at]))
                self._last = label


class _Play:
    marks: _Marks | None = None

    def __init__(
        self,
        feed: Feed,
        info: StreamInfo,
        faults: Faults,
        log: Log,
        until: threading.Event,
        chunk: int,
        source_id: str | None,
    ) -> None:
        self.feed, self.info, self.faults, self.log, self.until = feed, info, faults, log, until
        self.chunk, self.source_id = chunk, source_id
        self.packet_rate_hz = info.rate_hz / chunk
        self.saboteur = Saboteur(faults, self.packet_rate_hz, log)
        self.outlet = self.appear()
        self.heard = False
        self.started_s = 0.0
        self.next = 0

    def run(self) -> None:
        try:
            if not self.wait_for_reader():
                return
            self.started_s = time.perf_counter()
            self.log.event("start", 0)
            while not self.until.is_set() and self.send_due():
                due = self.started_s + (self.next + 1) / self.packet_rate_hz
                self.until.wait(min(_LONGEST_WAIT_S, max(due - time.perf_counter(), 0.0)))
            self.send(self.saboteur.finish())
        finally:
            self.outlet.close()

    def appear(self) -> Outlet:
        return Outlet(self.info, source_id=self.source_id, model="emulated")

    def wait_for_reader(self) -> bool:
        while not self.outlet.heard:
            if self.until.wait(_LONGEST_WAIT_S / 4):
                return False
        self.attend()
        return True

    def attend(self) -> None:
        heard = self.outlet.heard
        if heard != self.heard:
            self.heard = heard
            self.log.event("connected" if heard else "left", self.next)

    def send_due(self) -> bool:
        """Sends what is due; whether there is more to come."""
        due = math.floor((time.perf_counter() - self.started_s) * self.packet_rate_hz)
        while self.next < due:
            self.attend()
            if self.saboteur.unplugs(self.next) and self.faults.disconnect is not None:
                return self.unplug(self.faults.disconnect[0])
            samples = self.feed.block(self.next * self.chunk, self.chunk)
            if not len(samples):
                self.log.event("end", self.next)
                return False
            if self.marks is not None:
                self.marks.tell(self.next * self.chunk, self.times(self.next, len(samples)))
            self.log.made += 1
            self.send(self.saboteur(self.next, samples.tobytes()))
            self.next += 1
        return True

    def times(self, number: int, count: int) -> NDArray[np.float64]:
        return self.started_s + (number * self.chunk + 1 + np.arange(count)) / self.info.rate_hz

    def send(self, packets: list[tuple[int, bytes]]) -> None:
        for number, raw in packets:
            samples = np.frombuffer(raw, np.float32).reshape(-1, len(self.info.channels))
            for first in range(0, len(samples), self.chunk):  # twice, if it was duplicated
                part = samples[first : first + self.chunk]
                self.outlet.push(part, self.times(number, len(part)))
            if raw and self.heard:
                self.log.sent += 1
            elif raw:
                self.log.unheard += 1

    def unplug(self, lasts_s: float) -> bool:
        """The stream ends and begins again; whether it does."""
        self.send(self.saboteur.finish())
        self.until.wait(_LAST_S)
        self.outlet.close()
        self.heard = False
        self.log.event("gone", self.next)
        if self.until.wait(lasts_s):
            return False
        self.outlet = self.appear()
        self.log.event("back", self.next)
        back = self.wait_for_reader()
        now = math.ceil((time.perf_counter() - self.started_s) * self.packet_rate_hz)
        count = max(now - self.next, 1)
        self.log.fault("disconnect", self.next, count)
        self.next += count
        if back:
            self.log.event("resume", self.next)
        return back


class ServedLsl:
    """A stream played by a thread: for tests and for whoever wants one in a program.

    Args:
        recording: see ``serve_lsl``, as are the others.
        name: of the stream.
        faults: what goes wrong.
        once: end with the recording.
        chunk: samples that are sent together.
        source_id: see ``Outlet``.

    Raises:
        ValueError: on leaving, see ``serve_lsl``.
    """

    def __init__(
        self,
        recording: Recording,
        name: str,
        faults: Faults = NO_FAULTS,
        *,
        once: bool = False,
        chunk: int = 1,
        source_id: str | None = None,
    ) -> None:
        self.notes = Log()
        self._until = threading.Event()
        self._error: BaseException | None = None

        def run() -> None:
            try:
                serve_lsl(
                    recording,
                    name=name,
                    faults=faults,
                    log=self.notes,
                    until=self._until,
                    once=once,
                    chunk=chunk,
                    source_id=source_id,
                )
            except BaseException as error:
                self._error = error

        self._thread = threading.Thread(target=run, name="emulated LSL stream", daemon=True)

    @property
    def log(self) -> list[Injected]:
        """The faults so far; complete after ``stop``."""
        return self.notes.injected

    def stop(self) -> None:
        """The stream ends.

        Raises:
            RuntimeError: it does not within some seconds.
            BaseException: what ended the thread before.
        """
        self._until.set()
        self._thread.join(_JOIN_S)
        if self._thread.is_alive():
            raise RuntimeError("the emulated LSL stream does not stop")
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def join(self, within_s: float) -> bool:
        """Waits for the end of the recording; whether it came."""
        self._thread.join(within_s)
        return not self._thread.is_alive()

    def __enter__(self) -> ServedLsl:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
