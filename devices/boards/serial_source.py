"""A device on a serial port as a source: reads, lets the device's language parse, waits for it when it goes away."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from contextlib import suppress
from typing import NamedTuple, Protocol

import numpy as np

from devices.boards.port import Gone, Port
from devices.dejitter import Dejitter
from devices.integrity import STREAMING, Integrity
from dsp.flow import Chunk, Samples, StreamInfo

OPENING_S = 3.2
"""How long a device may take from the opening of its port to its first words as expected."""

SILENCE_S = 2.0
"""How long no sample may come before the device is greeted anew; it loses its count when it is."""

RETURNING_S = 1.0
"""How long a device that has answered a greeting has for its first sample, also where the patience ends before."""

_NOTICED_S = 0.5
_STOPPING_S = 0.5
_TRY_EVERY_S = 0.2
_LAST_WORDS_S = 1.0
_WAIT_S = 0.1
_READ_S = 0.05


class Block(NamedTuple):
    """Samples that follow one another without a gap.

    Attributes:
        samples: ``(T, C)`` float32, microvolts.
        first: stream index of the first one.
    """

    samples: Samples
    first: int


class Language(Protocol):
    """What is spoken with one kind of device; used by one thread at a time, without threads of its own."""

    @property
    def integrity(self) -> Integrity:
        """What has been met; the language counts ``duplicates``, ``damaged``, ``resyncs`` and ``skipped``."""

    def start(self, port: Port) -> StreamInfo:
        """Greet the device and let it stream; called again after the device went away and came back.

        Raises:
            ValueError: it does not answer as it should; one sentence that says what to do. ``Gone`` is one of these.
        """

    def parse(self, raw: bytes, arrived_s: float) -> list[Block]:
        """Bytes as they came, cut anyhow; an empty call lets out what was held back in doubt.

        Args:
            raw: follow those of the call before.
            arrived_s: when they were read, on ``time.perf_counter``.
        """

    def stop(self, port: Port) -> None:
        """Leave the device idle.

        Raises:
            Gone: it is not there any more.
        """

    def resume(self, index: int) -> None:
        """The device was away and streams again: its next sample has this index, as well as the clock can tell."""


class SerialSource:
    """A device on a serial port; a ``devices.source.Source``.

    When the device goes away, or gives no sample for ``SILENCE_S``, the port is closed and opened every 0.2 s until it
    is back; the time it was away shows as a gap, measured by the host's clock.

    Args:
        path: of the port.
        baud: bits a second.
        language: of the device.
        what: it is, for people, such as ``the Cyton``.
        patience_s: how long the device may be away, from its last sample to the first new one.

    Raises:
        ValueError: the port cannot be opened, or the device does not answer as it should.
    """

    def __init__(self, path: str, baud: int, language: Language, *, what: str, patience_s: float = 4.0) -> None:
        self._path, self._baud, self._what = path, baud, what
        self._language = language
        self._patience_s = patience_s
        self._closing = threading.Event()
        self._using = threading.Lock()  # whoever holds it is the one who uses the port
        self._blocks: deque[tuple[Block, float]] = deque()
        self._next = 0
        self._away = False
        self._why = ""
        self._try_at_s = -math.inf
        Dejitter(1.0)  # compiles, where that was never done; better now than in mid-stream
        self._port: Port | None = Port(path, baud, what=what)
        self._port.until(time.perf_counter() + OPENING_S)
        try:
            self._info = language.start(self._port)
        except BaseException:
            self._hang_up(idle=True)
            raise
        self._port.until(math.inf)
        self._dejitter = Dejitter(self._info.rate_hz)
        self._heard_s = time.perf_counter()
        self._lost_at_s = self._heard_s + SILENCE_S

    @property
    def info(self) -> StreamInfo:
        """See ``Source``."""
        return self._info

    @property
    def integrity(self) -> Integrity:
        """See ``Source``."""
        return self._language.integrity

    def read(self) -> Chunk | None:
        """See ``Source``; a read during which a device comes back takes as long as its greeting."""
        deadline = time.perf_counter() + _WAIT_S
        with self._using:
            while not self._closing.is_set():
                if self._blocks:
                    return self._chunk(*self._blocks.popleft())
                if time.perf_counter() >= deadline:
                    return self._chunk(Block(np.empty((0, len(self._info.channels)), np.float32), self._next), 0.0)
                self._listen()
        return None

    def close(self) -> None:
        """See ``Source``; the device is told to stop."""
        self._closing.set()
        if (port := self._port) is not None:
            port.until(-math.inf)
        with self._using:
            self._hang_up(idle=True)

    def _listen(self) -> None:
        if self._port is None:
            self._try_again()
            return
        try:
            raw = self._port.read(_READ_S)
        except Gone as gone:
            self._lose(gone)
            return
        arrived_s = time.perf_counter()
        blocks = [block for block in self._language.parse(raw, arrived_s) if len(block.samples)]
        if blocks:
            self._take(blocks, arrived_s)
        elif arrived_s > self._lost_at_s:
            self._lose(None)
        elif arrived_s - self._heard_s > _NOTICED_S:
            self.integrity.state = f"{self._what} is silent"

    def _take(self, blocks: list[Block], arrived_s: float) -> None:
        if self._away:
            self._away = False
            self.integrity.returns += 1
        self.integrity.state = STREAMING
        self._blocks.extend((block, arrived_s) for block in blocks)
        self._next = blocks[-1].first + len(blocks[-1].samples)
        self._heard_s = arrived_s
        self._lost_at_s = arrived_s + SILENCE_S

    def _chunk(self, block: Block, arrived_s: float) -> Chunk:
        raw = np.full(len(block.samples), arrived_s)
        return Chunk(block.samples, block.first, self._dejitter(block.first, raw), raw)

    def _lose(self, gone: Gone | None) -> None:
        """The device is not there any more; the rest is up to ``_try_again``."""
        self._why = "it is there but sends no samples" if gone is None else str(gone)
        if self._closing.is_set():
            return
        now = time.perf_counter()
        last_words = [block for block in self._language.parse(b"", now + _LAST_WORDS_S) if len(block.samples)]
        if last_words and not self._away:
            self._take(last_words, now)
        self._away = True
        self.integrity.state = f"waiting for {self._what} to come back"
        self._hang_up(idle=False)

    def _try_again(self) -> None:
        now = time.perf_counter()
        give_up_s = self._heard_s + self._patience_s
        if now >= give_up_s:
            why = self._why.partition(";")[0]  # without its way out
            raise ValueError(
                f"{self._what} at {self._path!r} stopped and was not back within {self._patience_s:g} s ({why}); "
                "plug it in or switch it on, then start again"
            )
        if now < self._try_at_s:
            self._closing.wait(min(self._try_at_s - now, _WAIT_S))
            return
        self._try_at_s = now + _TRY_EVERY_S
        try:
            self._greet_again(give_up_s)
        except ValueError as error:
            self._why = str(error)
            self._hang_up(idle=False)

    def _greet_again(self, give_up_s: float) -> None:
        """Open the port and start the stream.

        Raises:
            ValueError: it is not there yet, or does not answer yet.
        """
        port = Port(self._path, self._baud, what=self._what)
        port.until(max(give_up_s, time.perf_counter() + 0.5))
        self._port = port
        if self._closing.is_set():
            return
        info = self._language.start(port)
        if (info.rate_hz, info.channels) != (self._info.rate_hz, self._info.channels):
            self._refuse_other(info)
        port.until(-math.inf if self._closing.is_set() else math.inf)
        now = time.perf_counter()
        self._lost_at_s = min(now + SILENCE_S, max(now + RETURNING_S, give_up_s))
        away_s = now - self._heard_s
        self._dejitter.reset()
        self._language.resume(self._next + max(0, round(away_s * self._info.rate_hz)))

    def _refuse_other(self, info: StreamInfo) -> None:
        raise ValueError(
            f"{len(self._info.channels)} channels at {self._info.rate_hz:g} Hz went away, but {len(info.channels)} at "
            f"{info.rate_hz:g} Hz came back at {self._path!r}; plug the first device in again"
        )

    def _hang_up(self, *, idle: bool) -> None:
        """Close the port, if it is open; ``idle``: after the device was told to stop."""
        port, self._port = self._port, None
        if port is None:
            return
        try:
            if idle:
                port.until(time.perf_counter() + _STOPPING_S)
                with suppress(Gone):
                    self._language.stop(port)
        finally:
            port.close()
