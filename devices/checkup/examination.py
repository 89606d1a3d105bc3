"""A check-up of a source: is it wired up, does it keep time, does anything get lost?

``listen`` takes in a few seconds, ``examine`` says what is to be said about them; ``devices.checkup.limits`` holds the
thresholds with their reasons.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.checkup.contact import ChannelContact, Word, contacts, gain
from devices.checkup.findings import Finding, Level
from devices.checkup.timing import arrivals, connection, losses, rate
from devices.source import Source
from dsp.flow import Chunk, Samples, StreamInfo

FIRST_SAMPLE_S = 3.0
"""How long the first sample may take."""


@dataclass(slots=True)
class Heard:
    """What a source gave.

    Attributes:
        info: of the stream.
        chunks: those with samples.
        at_s: when each of them was read, on ``time.perf_counter``.
        gone: what the source said when it went away in the middle, or "".
        silent_s: from the last chunk to the end of the listening.
        timed: the samples came in real time, so that the times mean something.
    """

    info: StreamInfo
    chunks: list[Chunk] = field(default_factory=list)
    at_s: list[float] = field(default_factory=list)
    gone: str = ""
    silent_s: float = 0.0
    timed: bool = True

    @property
    def samples(self) -> Samples:
        """``(T, C)``, one after the other, without regard to gaps."""
        if not self.chunks:
            return np.empty((0, len(self.info.channels)), np.float32)
        return np.concatenate([chunk.samples for chunk in self.chunks])

    @property
    def indices(self) -> NDArray[np.int64]:
        """``(T,)`` of the samples."""
        if not self.chunks:
            return np.empty(0, np.int64)
        return np.concatenate([np.arange(chunk.first, chunk.end) for chunk in self.chunks])


@dataclass(frozen=True, slots=True)
class Report:
    """What a check-up found.

    Attributes:
        name: of the source.
        findings: one for each thing that was looked at.
        channels: one for each channel; empty where too little was heard.
        integrity: the counts, as plain values.
    """

    name: str
    findings: tuple[Finding, ...]
    channels: tuple[ChannelContact, ...]
    integrity: dict[str, Any]

    @property
    def well(self) -> bool:
        """Nothing needs attention."""
        return not any(finding.level == Level.ATTENTION for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "name": self.name,
            "well": self.well,
            "findings": [finding.to_json() for finding in self.findings],
            "channels": [channel.to_json() for channel in self.channels],
            "integrity": self.integrity,
        }


def listen(source: Source, seconds: float | None, *, timed: bool = True) -> Heard:
    """Reads a source for so long, counted from its first sample; None until it ends.

    Raises:
        ValueError: it gave nothing at all.
    """
    heard = Heard(source.info, timed=timed)
    until = time.perf_counter() + FIRST_SAMPLE_S
    try:
        while time.perf_counter() < until and (chunk := source.read()) is not None:
            if not len(chunk.samples):
                continue
            now = time.perf_counter()
            if not heard.chunks:
                until = math.inf if seconds is None else now + seconds
            heard.chunks.append(chunk)
            heard.at_s.append(now)
    except ValueError as error:
        if not heard.chunks:
            raise
        heard.gone = str(error)
    if not heard.chunks:
        raise ValueError(
            f"{source.info.name!r} is there but gave no sample for {FIRST_SAMPLE_S:g} s; start it, then check again"
        )
    heard.silent_s = time.perf_counter() - heard.at_s[-1]
    return heard


def examine(heard: Heard, source: Source, before: Sequence[Finding] = ()) -> Report:
    """What is to be said about what was heard.

    Args:
        heard: from ``listen``.
        source: that it was heard from, for its counts.
        before: what was found out about the machine, to stand in the report as well.
    """
    info, integrity = heard.info, source.integrity
    findings = [_device(info), *before]
    findings += connection(heard.gone, heard.silent_s if heard.timed else 0.0, integrity.returns)
    ends = np.array([chunk.end for chunk in heard.chunks], np.int64)
    if heard.timed:
        at_s = np.array(heard.at_s)
        findings += [rate(info, at_s, ends), arrivals(info, at_s, ends)]
    findings += losses(integrity, len(ends))
    channels = contacts(info, heard.samples, heard.indices, integrity)
    findings += _contact(channels)
    return Report(info.name, tuple(findings), channels, integrity.to_json())


def _device(info: StreamInfo) -> Finding:
    full = "" if math.isinf(info.full_scale_uv) else f", range ±{info.full_scale_uv / 1e3:.4g} mV"
    if gain(info) != 1:
        full += " behind an amplifier"
    return Finding("device", Level.OK, f"{info.name}: {len(info.channels)} channels at {info.rate_hz:g} Hz{full}")


def _contact(channels: Sequence[ChannelContact]) -> list[Finding]:
    if not channels:
        return [Finding("contact", Level.NOTE, "too little was heard to judge it", "listen longer, with --seconds 5")]
    good = sum(channel.word == Word.GOOD for channel in channels)
    says = f"good on {good} of {len(channels)} channels"
    if good == len(channels):
        return [Finding("contact", Level.OK, says)]
    none = sum(channel.word == Word.NONE for channel in channels)
    cure = "see the channels below"
    if none > 1 and none * 3 >= len(channels) * 2:
        cure = "most have none: see first to the reference and ground electrodes and the plug, then to the channels"
    return [Finding("contact", Level.ATTENTION, says, cure)]
