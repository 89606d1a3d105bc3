"""XDF put together by hand, by https://github.com/sccn/xdf/wiki/Specifications, apart from our writer."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BOUNDARY = bytes.fromhex("43A546DCCBF5410FB30ED5467383CBE4")
_CODES = {"float32": "<f4", "double64": "<f8", "int16": "<i2", "int32": "<i4"}


def chunk(tag: int, content: bytes) -> bytes:
    body = struct.pack("<H", tag) + content
    return b"\x04" + struct.pack("<I", len(body)) + body


def file(*chunks: bytes) -> bytes:
    return b"XDF:" + chunk(1, b"<?xml version='1.0'?><info><version>1.0</version></info>") + b"".join(chunks)


def header(
    number: int,
    *,
    name: str = "armband",
    kind: str = "EMG",
    channels: int = 2,
    rate: float = 1000,
    format_: str = "float32",
    units: Sequence[str] = (),
    labels: Sequence[str] = (),
) -> bytes:
    description = "".join(
        f"<channel><label>{label}</label><unit>{unit}</unit></channel>"
        for label, unit in zip(labels or [f"E{n}" for n in range(len(units))], units, strict=True)
    )
    text = (
        f"<?xml version='1.0'?><info><name>{name}</name><type>{kind}</type><channel_count>{channels}</channel_count>"
        f"<nominal_srate>{rate}</nominal_srate><channel_format>{format_}</channel_format><source_id>s{number}</source_id>"
        f"<desc><channels>{description}</channels></desc></info>"
    )
    return chunk(2, struct.pack("<I", number) + text.encode())


def samples(
    number: int, values: NDArray[np.generic], stamps: Sequence[float | None], format_: str = "float32"
) -> bytes:
    """Samples; a stamp of None is left out, as the specification allows for one that follows regularly."""
    body = struct.pack("<IBI", number, 4, len(values))
    for row, stamp in zip(values, stamps, strict=True):
        body += b"\0" if stamp is None else b"\x08" + struct.pack("<d", stamp)
        body += row.astype(_CODES[format_]).tobytes()
    return chunk(3, body)


def texts(number: int, said: Sequence[tuple[float, str]]) -> bytes:
    body = struct.pack("<IBI", number, 4, len(said))
    for stamp, text in said:
        body += b"\x08" + struct.pack("<d", stamp) + b"\x04" + struct.pack("<I", len(text.encode())) + text.encode()
    return chunk(3, body)


def offset(number: int, at_s: float, offset_s: float) -> bytes:
    return chunk(4, struct.pack("<Idd", number, at_s, offset_s))
