"""Streams on the loopback, for the tests of LSL."""

from __future__ import annotations

import uuid

import pylsl


def unique(what: str = "test") -> str:
    """A name that no other test uses."""
    return f"{what}-{uuid.uuid4().hex[:10]}"


def outlet(
    name: str,
    *,
    type_: str = "EMG",
    rate_hz: float = 1000.0,
    format_: int = pylsl.cf_float32,
    source_id: str = "",
    channels: list[dict[str, str]] | None = None,
    count: int = 2,
) -> pylsl.StreamOutlet:
    """A foreign program's outlet; ``channels`` is what it says of each, where it says anything."""
    count = len(channels) if channels else count
    info = pylsl.StreamInfo(name, type_, count, rate_hz, format_, source_id)
    if channels:
        described = info.desc().append_child("channels")
        for channel in channels:
            node = described.append_child("channel")
            for key, value in channel.items():
                node.append_child_value(key, value)
    return pylsl.StreamOutlet(info)
