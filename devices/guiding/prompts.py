"""Where the prompts go: to a screen that another process draws, or line by line to a text file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import IO, Protocol

from devices.guiding.painter import Painter
from devices.guiding.prompt import Prompt

REFRESH_S = 0.1
"""How often the screen gets a new prompt."""


class Shows(Protocol):
    """Shows a prompt and never waits; called again and again."""

    def __call__(self, prompt: Prompt) -> None:
        """Shows it, if there is anything new about it."""


class OnScreen:
    """Sends prompts to a process that draws them on the terminal.

    Args:
        painter: runs ``devices.guiding.prompter``.
    """

    def __init__(self, painter: Painter) -> None:
        self._painter = painter
        self._due, self._last = 0.0, ("", "", "", 0)

    def __call__(self, prompt: Prompt) -> None:
        """See ``Shows``; what is to be done is shown at once, a countdown every ``REFRESH_S``."""
        now, words = monotonic(), (prompt.doing, prompt.verdict, prompt.trouble, prompt.bell)
        if now < self._due and words == self._last:
            return
        self._due, self._last = now + REFRESH_S, words
        self._painter.look()
        self._painter.send(prompt.to_line())


class InLines:
    """Writes a line where something else is to be done, and for each verdict.

    Args:
        out: a text file, such as stdout.
    """

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._doing, self._verdict, self._trouble = ("", -1), "", ""
        self._keys, self._bell = "", 0
        self._terminal = out.isatty()

    def __call__(self, prompt: Prompt) -> None:
        """See ``Shows``."""
        if prompt.keys != self._keys:
            self._keys = prompt.keys
            self._say(f"  {prompt.keys}")
        if prompt.bell != self._bell:
            self._bell = prompt.bell
            if self._terminal:  # a file would keep it
                self._out.write("\a" * prompt.rings)
        if prompt.trouble != self._trouble:
            self._trouble = prompt.trouble
            self._say(f"  {prompt.trouble or 'it is back'}")
        if prompt.verdict != self._verdict:
            self._verdict = prompt.verdict
            self._say(f"  {prompt.verdict}")
        if (prompt.doing, prompt.done) != self._doing:
            first = not self._doing[0]
            self._doing = prompt.doing, prompt.done
            for_s = f" for {prompt.length_s:g} s" if prompt.length_s else ""
            hold = f"now hold: {prompt.doing}{for_s} ({prompt.progress})" if prompt.active else f"{prompt.doing}{for_s}"
            words = f": {prompt.words}" if prompt.words and (prompt.active or first) else ""
            self._say(hold + words + (f", then: {prompt.then}" if prompt.then and not prompt.active else ""))

    def _say(self, words: str) -> None:
        print(words, file=self._out, flush=True)


@contextmanager
def showing(out: IO[str] | None) -> Iterator[Shows]:
    """Shows prompts while the block lasts.

    Args:
        out: a text file for lines; None is the terminal's whole screen.
    """
    if out is not None:
        yield InLines(out)
        return
    painter = Painter("devices.guiding.prompter")
    try:
        yield OnScreen(painter)
    finally:
        painter.close()
