"""How the electrodes sit at present, on a prompt."""

from __future__ import annotations

from dataclasses import replace

from devices.guiding.prompt import Prompt
from devices.guiding.quality import conditions, strength
from dsp.flow import Samples, StreamInfo


def sitting(prompt: Prompt, samples: Samples, info: StreamInfo) -> Prompt:
    """The prompt with the state and the strength of each channel.

    Args:
        prompt: without it, or with what was.
        samples: ``(T, C)`` the latest second or so.
        info: of the stream.
    """
    levels_uv = strength(samples, info.rate_hz).round(1).tolist()
    return replace(prompt, states=conditions(info, samples), levels_uv=tuple(levels_uv))
