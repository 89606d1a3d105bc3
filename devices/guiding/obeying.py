"""A source that can be told what is to be done does what a person would be asked for: the simulator."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from devices.source import Obliging
from devices.watched import Watched


def obeying(source: Watched, gestures: Sequence[str], asks: str) -> Callable[[str], object]:
    """What tells a source what is to be done: the simulator does as it is told, and a person reads the prompts.

    Args:
        source: opened.
        gestures: that it will be told to make.
        asks: who asks for them, for the sentence.

    Raises:
        ValueError: it cannot make one of them.
    """
    inner = source.source
    if not isinstance(inner, Obliging):
        return lambda _: None
    if unknown := [gesture for gesture in gestures if gesture not in inner.names]:
        raise ValueError(
            f"the simulator does not know {', '.join(unknown)}, which {asks} asks for; it knows "
            f"{', '.join(inner.names[1:])}"
        )
    return inner.ask
