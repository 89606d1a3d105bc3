"""What finds LSL streams: the streams there are, and the one that is meant."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from devices.lsl.library import load_pylsl

EMG = "EMG"
"""The type that streams of surface EMG have by convention."""

RESOLVE_S = 2.0
"""How long a stream that is asked for may take to answer."""

_OTHERS_S = 0.65  # how long others that fit as well get to answer, once one has: liblsl asks every half second
_POLL_S = 0.02
_FORMATS = ("undefined", "float32", "double64", "string", "int32", "int16", "int8", "int64")


@dataclass(frozen=True, slots=True)
class StreamFound:
    """What a stream says of itself to whoever looks around.

    Attributes:
        name: of the stream.
        type_: ``EMG``, ``EEG``, ``Markers``, ...
        channels: number of them.
        rate_hz: nominal; 0 where the stream has none.
        format: of its values, such as ``float32`` or ``string``.
        source_id: by which it is found again, or "".
        host: the machine that sends it.
        handle: pylsl's own description, from which it is opened.
    """

    name: str
    type_: str
    channels: int
    rate_hz: float
    format: str
    source_id: str
    host: str
    handle: Any = field(repr=False, compare=False, default=None)

    @property
    def numeric(self) -> bool:
        """Its values are numbers, not text."""
        return self.format not in ("string", "undefined")

    @property
    def emg(self) -> bool:
        """It says that it is EMG."""
        return self.type_.upper() == EMG

    @property
    def signal(self) -> bool:
        """It has numbers and a rate, as every signal has; markers have neither."""
        return self.numeric and self.rate_hz > 0

    def __str__(self) -> str:
        rate = f"at {self.rate_hz:g} Hz" if self.rate_hz > 0 else "without a rate"
        return f"{self.type_ or 'no type'}, {self.channels} x {self.format} {rate}, on {self.host or 'some machine'}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which stream is meant; whatever is None may be anything.

    Attributes:
        name: exactly.
        type_: in any case.
        source_id: exactly.
    """

    name: str | None = None
    type_: str | None = None
    source_id: str | None = None

    def fits(self, stream: StreamFound) -> bool:
        """Whether the stream is one of those that are meant."""
        return (
            self.name in (None, stream.name)
            and (self.type_ is None or self.type_.lower() == stream.type_.lower())
            and self.source_id in (None, stream.source_id)
        )

    def __str__(self) -> str:
        said = {"called": self.name, "of type": self.type_, "with source_id": self.source_id}
        return " ".join(f"{word} {value!r}" for word, value in said.items() if value is not None) or "at all"


def streams(wait_s: float = 1.0) -> list[StreamFound]:
    """The streams that answer within so many seconds, those of EMG first.

    Raises:
        ValueError: liblsl is missing or too old.
    """
    resolver = load_pylsl().ContinuousResolver()
    deadline = time.perf_counter() + wait_s
    while (left_s := deadline - time.perf_counter()) > 0:  # liblsl's own waiting does not hear of Ctrl-C
        time.sleep(min(left_s, _POLL_S))
    return _sorted([found(handle) for handle in resolver.results()])


def find(wanted: Wanted, wait_s: float = RESOLVE_S) -> StreamFound:
    """The one stream that is meant, as soon as it has answered.

    Raises:
        ValueError: there is none, or there are several; the message lists those there are.
    """
    resolver = load_pylsl().ContinuousResolver()
    deadline = time.perf_counter() + wait_s
    fitting: list[StreamFound] = []
    answered: list[StreamFound] = []
    while time.perf_counter() < deadline:
        answered = _sorted([found(handle) for handle in resolver.results()])
        before, fitting = fitting, [stream for stream in answered if wanted.fits(stream)]
        if fitting and not before:
            deadline = min(deadline, time.perf_counter() + (0 if wanted.source_id else _OTHERS_S))
        time.sleep(_POLL_S)
    if len(fitting) == 1:
        return fitting[0]
    if len(set(addresses(fitting))) < len(fitting):
        raise ValueError(
            f"{len(fitting)} LSL streams are {wanted} and cannot be told apart ({listed(fitting)}); end all but one of "
            f"the programs that send them, or give each a name of its own"
        )
    if fitting:
        raise ValueError(f"several LSL streams are {wanted}; choose one: {listed(fitting)}")
    raise ValueError(f"no LSL stream {wanted} answered within {wait_s:g} s; {_instead(answered)}")


def addresses(some: Sequence[StreamFound]) -> list[str]:
    """The DEVICE string of each: by its name, or by its source id where others have the same name."""
    names = Counter(stream.name for stream in some)
    return [_address(stream, shared=names[stream.name] > 1) for stream in some]


def listed(some: Sequence[StreamFound]) -> str:
    """Streams for a sentence, each as what is to be typed."""
    return "; ".join(f"{device} ({stream})" for device, stream in zip(addresses(some), some, strict=True))


def found(handle: Any) -> StreamFound:
    """What pylsl's description of a stream says."""
    return StreamFound(
        handle.name(),
        handle.type(),
        handle.channel_count(),
        handle.nominal_srate(),
        _FORMATS[handle.channel_format()],
        handle.source_id(),
        handle.hostname(),
        handle,
    )


def _sorted(some: list[StreamFound]) -> list[StreamFound]:
    return sorted(some, key=lambda stream: (not stream.emg, stream.name, stream.source_id))


def _address(stream: StreamFound, *, shared: bool) -> str:
    if stream.source_id and (shared or not stream.name):
        return f"lsl:source_id={stream.source_id}"
    ambiguous = re.match(r"\w+=", stream.name) or stream.name != stream.name.strip()
    return f"lsl:name={stream.name}" if ambiguous else f"lsl:{stream.name}"


def _instead(answered: list[StreamFound]) -> str:
    signals = [stream for stream in answered if stream.signal]
    emg = [stream for stream in signals if stream.emg]
    if emg:
        return f"there are {listed(emg)}"
    if signals:
        return f"none is of type EMG, but there are {listed(signals)}"
    return (
        "there is none with a signal: start the program that sends it in the same network and let the firewall pass "
        "(UDP and TCP 16571-16604), or try one with: python -m devices emulate lsl --from recordings/demo.npz"
    )
