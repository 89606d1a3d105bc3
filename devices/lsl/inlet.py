"""A stream of the lab streaming layer as a source."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.dejitter import Dejitter
from devices.formats.writer_layout import printable
from devices.integrity import STREAMING, Integrity
from devices.lsl.clock import Clock
from devices.lsl.foreign_clock import ForeignClock
from devices.lsl.layout import Layout, layout
from devices.lsl.library import load_pylsl, offset_s
from devices.lsl.lookout import FORGET_S, Lookout
from devices.lsl.losses import Block, Losses
from devices.lsl.settings import StreamFound, Wanted, find
from dsp.flow import Chunk, StreamInfo

BUFFER_S = 2
"""Seconds that liblsl keeps for a reader that is late."""

_OPENING_S = 3.0
_RETURNING_S = 1.0
_WAIT_S = 0.1
_NOTICED_S = 0.5
_SILENT_S = 1.0
_FINEST_HZ = 4000  # up to this rate samples are asked for one by one, whatever the sender prefers
_DTYPES: dict[str, type[np.generic]] = {"float32": np.float32, "double64": np.float64, "int8": np.int8}
_DTYPES |= {"int16": np.int16, "int32": np.int32, "int64": np.int64}
_MOST = 4096


def open_lsl(
    *,
    name: str | None = None,
    type_: str | None = None,
    source_id: str | None = None,
    unit: str | None = None,
    patience_s: float = 4.0,
) -> LslSource:
    """Opens the one stream that fits.

    Args:
        name: of the stream, exactly.
        type_: such as ``EMG``.
        source_id: of the stream, exactly.
        unit: of channels that do not state one; microvolts if None, with a note in the source's name.
        patience_s: how long a stream that ends is waited for.

    Raises:
        ValueError: liblsl is missing, no stream fits or several do, or the stream is none of numbers at a steady rate
            in volts; one sentence that says what to do.
    """
    stream = find(Wanted(name or None, type_ or None, source_id or None))
    if not stream.signal or stream.format not in _DTYPES:
        raise ValueError(_refusal(stream))
    return LslSource(stream, unit=unit, patience_s=patience_s)


class LslSource:
    """An LSL stream; a ``devices.source.Source``.

    ``Chunk.raw`` holds the stream's own stamps. With liblsl's clock correction they become times on the host's clock,
    and ``devices.dejitter`` takes out what scatters; liblsl's own smoothing needs 30 to 120 s to settle and is off.
    Losses and duplicates are told from the stamps, see ``devices.lsl.losses``.

    When the sender ends, the stream is looked for by its source id, or by its name and type where it has none, and
    goes on with an index that leaves room for the time between, by the stamps. A sender that sends nothing is only
    waited for as long as it answers to its name.

    Args:
        stream: what has been found.
        unit: see ``open_lsl``.
        patience_s: how long the stream may be gone, from its end on or, where it went without a word, from its last
            sign of life.

    Raises:
        ValueError: the stream ended just now, or is not in volts.
    """

    def __init__(self, stream: StreamFound, *, unit: str | None = None, patience_s: float = 4.0) -> None:
        self._pylsl = load_pylsl()
        self._stream = stream
        self._unit = unit
        self._patience_s = patience_s
        self._closing = threading.Event()
        self._using = threading.Lock()  # whoever holds it is the one who uses the inlet
        self._ready: deque[Chunk] = deque()
        self._lookout: Lookout | None = None
        self._inlet: Any = None
        self._clock: Clock | None = None
        self._why = "its program ended"
        self._gone_s = 0.0  # since when the stream is not there
        self._last_s: float | None = None  # when it was taken
        self._foreign = ForeignClock()
        self._dejitter = Dejitter(stream.rate_hz)  # which compiles, before samples come
        same_s = offset_s(self._pylsl) if stream.host == socket.gethostname() else None  # one machine has one clock
        self._layout = self._open(stream, unit, same_s)
        note = f" ({self._layout.note})" if self._layout.note else ""
        self._info = StreamInfo(f"{printable(stream.name or stream.type_)}{note}", stream.rate_hz, self._layout.labels)
        self._integrity = Integrity(len(self._layout.labels), clock_offset_s=self._offset_s())
        self._values = np.zeros((_MOST, stream.channels), _DTYPES[stream.format])
        self._losses = Losses(stream.rate_hz, len(self._layout.labels))
        self._end_s = self._heard_s = time.perf_counter()

    @property
    def info(self) -> StreamInfo:
        """See ``Source``."""
        return self._info

    @property
    def integrity(self) -> Integrity:
        """See ``Source``; ``duplicates`` counts samples, since LSL has no packets."""
        return self._integrity

    @property
    def _what(self) -> str:
        return f"the LSL stream {self._stream.name!r}"

    def read(self) -> Chunk | None:
        """See ``Source``; a read in which the stream comes back takes as long as subscribing to it."""
        deadline = time.perf_counter() + _WAIT_S
        with self._using:
            while not self._closing.is_set():
                if self._ready:
                    return self._ready.popleft()
                if time.perf_counter() >= deadline:
                    return Chunk(np.empty((0, len(self._info.channels)), np.float32), self._losses.next, np.empty(0))
                self._listen()
        return None

    def close(self) -> None:
        """See ``Source``."""
        self._closing.set()
        with self._using:
            self._hang_up()
            self._lookout = None

    def _open(self, stream: StreamFound, unit: str | None, known_s: float | None) -> Layout:
        try:
            return self._connect(stream, unit, _OPENING_S, known_s)
        except RuntimeError:  # all of pylsl's errors
            raise ValueError(f"{self._what} ended while it was being opened; start its program again") from None

    def _connect(self, stream: StreamFound, unit: str | None, within_s: float, known_s: float | None) -> Layout:
        """Subscribes to a stream whose clock is known or is measured first; on any error nothing stays open."""
        finest = 1 if stream.rate_hz <= _FINEST_HZ else 0
        self._inlet = self._pylsl.StreamInlet(stream.handle, BUFFER_S, finest, recover=False)
        try:
            columns = layout(self._inlet.info(within_s), unit)
            self._clock = Clock(self._inlet, known_s)
            self._inlet.open_stream(within_s)
        except BaseException:
            self._hang_up()
            raise
        return columns

    def _hang_up(self) -> None:
        if self._clock is not None:
            self._clock.close()
        if self._inlet is not None:
            self._inlet.close_stream()
        self._inlet = self._clock = None  # which destroys it

    def _listen(self) -> None:
        """Waits for samples, or for the stream to come back."""
        if self._inlet is None:
            self._seek()
            return
        try:
            stamps = self._pull()
        except RuntimeError:  # all of pylsl's errors
            self._lose("its program ended", time.perf_counter())
            return
        now = time.perf_counter()
        if stamps:
            self._take(np.array(stamps), now)
        else:
            self._emit(self._losses.settle(), now)
            self._watch(now)

    def _pull(self) -> list[float]:
        """Everything that is there, after waiting for the first: the stamps; the values are in ``self._values``."""
        _, stamps = self._inlet.pull_chunk(_WAIT_S, 1, self._values[:1])
        if not stamps or not self._inlet.samples_available():
            return list(stamps)
        _, more = self._inlet.pull_chunk(0.0, _MOST - 1, self._values[1:])
        return [*stamps, *more]

    def _take(self, stamps: NDArray[np.float64], now: float) -> None:
        self._heard_s = now
        self._lookout = None
        self._integrity.state = STREAMING
        if self._last_s is not None:
            self._foreign.forget()  # it may have begun anew as well
        if self._clock is not None:
            self._foreign.judge(float(stamps[-1]), now, self._clock.offset_s)
        if self._last_s is not None:
            periods = (float(stamps[0]) + self._offset_s() - self._last_s) * self._dejitter.rate_hz
            self._losses.begin(self._losses.next + max(0, round(periods) - 1))
            self._last_s = None
            self._integrity.returns += 1
        samples = self._layout.microvolts(self._values[: len(stamps)])
        self._emit(self._losses.take(samples, stamps, 1 / self._dejitter.rate_hz), now)
        self._integrity.duplicates = self._losses.duplicates

    def _emit(self, blocks: list[Block], now: float) -> None:
        self._integrity.clock_offset_s = self._offset_s()
        for block in blocks:
            times = self._dejitter(block.first, block.stamps + self._integrity.clock_offset_s)
            self._end_s = float(times[-1])
            self._ready.append(Chunk(block.samples, block.first, np.minimum(times, now), block.stamps))

    def _offset_s(self) -> float:
        if self._foreign.offset_s is not None:
            return self._foreign.offset_s
        return self._clock.offset_s if self._clock else self._integrity.clock_offset_s

    def _watch(self, now: float) -> None:
        """Nothing came: the sender may be idle, or gone without a word."""
        silent_s = now - self._heard_s
        if silent_s > _NOTICED_S:
            self._integrity.state = f"{self._what} sends nothing"
        if silent_s <= _SILENT_S:
            return
        if self._lookout is None:
            self._lookout = Lookout(self._stream)
        elif self._lookout.gone():
            self._lose("it does not answer any more", max(self._heard_s, now - _SILENT_S - FORGET_S))

    def _lose(self, why: str, since_s: float) -> None:
        """The stream is not there any more; the rest is up to ``_seek``."""
        self._why, self._gone_s = why, since_s
        self._emit(self._losses.settle(now=True), time.perf_counter())
        if self._last_s is None:
            self._last_s = self._end_s
        self._hang_up()
        self._lookout = self._lookout or Lookout(self._stream)
        self._integrity.state = f"waiting for {self._what} to come back"

    def _seek(self) -> None:
        if time.perf_counter() - self._gone_s > self._patience_s:
            raise ValueError(
                f"{self._what} went away and was not back within {self._patience_s:g} s (last seen: {self._why}); "
                "start its program, then start again"
            )
        candidates = self._lookout.streams(_WAIT_S) if self._lookout is not None else []
        if not candidates:
            return
        try:
            self._reconnect(candidates[0])
        except ValueError as error:
            self._why = str(error)
            self._closing.wait(_WAIT_S)
        except RuntimeError:  # all of pylsl's errors: it is going away just now
            self._closing.wait(_WAIT_S)

    def _reconnect(self, stream: StreamFound) -> None:
        """Goes on with the stream as it is now.

        Raises:
            ValueError: it is another one.
            RuntimeError: it ended again.
        """
        old = self._stream
        if (stream.channels, stream.rate_hz, stream.format) != (old.channels, old.rate_hz, old.format):
            raise ValueError(f"{old} went away, but {stream} came back under its name")
        known_s = self._integrity.clock_offset_s if stream.host == old.host and self._foreign.offset_s is None else None
        columns = self._connect(stream, self._unit, _RETURNING_S, known_s)
        if columns.labels != self._layout.labels:
            self._hang_up()
            raise ValueError("it came back with other channels")
        self._stream, self._layout = stream, columns
        self._lookout = None
        self._heard_s = time.perf_counter()


def _refusal(stream: StreamFound) -> str:
    what = f"the LSL stream {stream.name!r}"
    if not stream.numeric:
        return f"{what} carries text ({stream.type_ or 'no type'}), not samples; choose a stream of type EMG"
    if stream.format not in _DTYPES:
        return f"{what} carries values of the format {stream.format}, which cannot be read; send float32"
    return (
        f"{what} states no sampling rate (0 Hz, irregular), but filters and windows need one; "
        "let its program state its nominal rate, or choose another stream"
    )
