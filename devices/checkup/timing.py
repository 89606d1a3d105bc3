"""Whether a source keeps time and loses nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from devices.checkup import limits
from devices.checkup.findings import Finding, Level
from devices.integrity import Integrity
from dsp.flow import StreamInfo


def rate(info: StreamInfo, at_s: NDArray[np.float64], ends: NDArray[np.int64]) -> Finding:
    """The rate by the host's clock, as the slope of index over time, against the nominal one.

    Args:
        info: of the stream.
        at_s: ``(N,)`` when each chunk arrived.
        ends: ``(N,)`` the index after each chunk.
    """
    settled = at_s >= at_s[0] + limits.SETTLE_S
    at_s, ends = at_s[settled], ends[settled]
    nominal = f"{info.rate_hz:g} Hz nominal"
    if len(at_s) < 10 or at_s[-1] - at_s[0] < limits.RATE_AT_LEAST_S:
        return Finding("rate", Level.NOTE, f"too little was heard to measure it; {nominal}", "use --seconds 5")
    measured = float(np.polyfit(at_s - at_s[0], ends - ends[0], 1)[0])
    off = measured / info.rate_hz - 1
    says = f"{measured:.1f} Hz measured, {nominal} ({off:+.2%})"
    figures = (("measured_hz", round(measured, 3)), ("nominal_hz", info.rate_hz))
    if abs(off) <= limits.RATE_OFF:
        return Finding("rate", Level.OK, says, figures=figures)
    cure = f"say the rate that it has, or set the device to {info.rate_hz:g} Hz: filters and windows are off by as much"
    return Finding("rate", Level.ATTENTION, says, cure, figures)


def arrivals(info: StreamInfo, at_s: NDArray[np.float64], ends: NDArray[np.int64]) -> Finding:
    """How evenly the samples arrive; arguments as of ``rate``."""
    settled = at_s >= at_s[0] + limits.SETTLE_S
    at_s, ends = at_s[settled], ends[settled]
    last = np.diff(at_s, append=np.inf) > min(limits.TOGETHER_S, 0.25 / info.rate_hz)  # of those that came together
    at_s, ends = at_s[last], ends[last]
    if len(at_s) < 10:
        return Finding("arrivals", Level.NOTE, "too little was heard to measure them", "use --seconds 5")
    p50, p99, most = (np.quantile(np.diff(at_s), [0.5, 0.99, 1]) * 1e3).tolist()
    burst_s = float(np.median(np.diff(ends))) / info.rate_hz
    says = f"every {p50:.1f} ms (p99 {p99:.1f}, longest {most:.1f}), {burst_s * 1e3:.1f} ms of signal at a time"
    values = {"p50_ms": p50, "p99_ms": p99, "longest_ms": most, "burst_ms": burst_s * 1e3}
    figures = tuple((key, round(value, 3)) for key, value in values.items())
    if burst_s > limits.BURST_S:
        cure = "let the sender send smaller pieces; half of each piece is added to the delay on average"
        return Finding("arrivals", Level.ATTENTION, says, cure, figures)
    if most > limits.STALL_S * 1e3:
        cure = "bring the radio nearer, use another USB port without a hub, and close what keeps this machine busy"
        return Finding("arrivals", Level.ATTENTION, says, cure, figures)
    return Finding("arrivals", Level.OK, says, figures=figures)


def connection(gone: str, silent_s: float, returns: int) -> list[Finding]:
    """Whether the device stayed; nothing where it did.

    Args:
        gone: what the source said when it went away for good, or "".
        silent_s: at the end.
        returns: how often it was away and came back.
    """
    cure = "see the plug, the battery and the distance of the radio"
    if gone:
        return [Finding("connection", Level.ATTENTION, "it went away", gone)]
    if silent_s > limits.SILENT_S:
        return [Finding("connection", Level.ATTENTION, f"it has been silent for the last {silent_s:.1f} s", cure)]
    if returns:
        return [Finding("connection", Level.ATTENTION, f"it went away and came back {_times(returns)}", cure)]
    return []


def losses(integrity: Integrity, packets: int) -> list[Finding]:
    """What is missing, came twice, was damaged, or had to be searched for.

    Args:
        integrity: of the source.
        packets: that arrived, as well as is known.
    """
    counts = integrity
    found: list[Finding] = []
    if counts.unseen:
        says, _, cure = counts.unseen.partition(": ")
        found.append(Finding("losses", Level.NOTE, says, cure))
    elif counts.clean and not counts.skipped:
        return [Finding("losses", Level.OK, f"none in {counts.samples} samples")]
    if counts.lost:
        due = counts.samples + counts.lost
        share = counts.lost / due
        says = f"{counts.lost} of {due} samples are missing ({share:.2%}), {_gaps(counts.gaps)}"
        cure = (
            "bring a radio nearer to its dongle and charge it, use another USB port or a cable for the network, "
            "and close what keeps this machine busy"
        )
        level = Level.ATTENTION if share > limits.LOST else Level.NOTE
        found.append(Finding("losses", level, says, cure, (("lost_share", round(share, 6)),)))
    elif not counts.unseen:
        found.append(Finding("losses", Level.OK, f"none in {counts.samples} samples"))
    return [*found, *_damage(counts, packets)]


def _damage(counts: Integrity, packets: int) -> list[Finding]:
    found: list[Finding] = []
    if counts.duplicates:
        level = Level.ATTENTION if counts.duplicates > limits.DUPLICATE * packets else Level.NOTE
        cure = "close other programs that read the device, and plug the dongle in again"
        found.append(Finding("duplicates", level, f"{counts.duplicates} came twice and were left out", cure))
    if counts.damaged:
        level = Level.ATTENTION if counts.damaged > limits.LOST * packets else Level.NOTE
        cure = "try another cable or USB port; if it stays so, another baud rate or firmware is spoken"
        found.append(Finding("damage", level, f"{counts.damaged} were damaged and left out", cure))
    if counts.resyncs or counts.skipped:
        often = counts.resyncs > max(1, limits.RESYNCS_PER_S * packets / 100)
        says = f"searched for a beginning {_times(counts.resyncs)}, passing over {counts.skipped} bytes"
        cure = "bytes get lost on the way: try another cable or USB port, and close what keeps this machine busy"
        found.append(Finding("resynchronised", Level.ATTENTION if often else Level.NOTE, says, cure))
    return found


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _gaps(count: int) -> str:
    return "in one gap" if count == 1 else f"in {count} gaps"
