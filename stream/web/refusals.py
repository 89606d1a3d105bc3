"""What is refused at the door is said once for each kind, however often it is tried."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Callable


class Refusals:
    """Counts them, and says each kind the first time.

    Args:
        say: a sentence, for people.

    Attributes:
        counts: how often, by kind.
    """

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self.counts: Counter[str] = Counter()

    def __call__(self, kind: str) -> None:
        """One more of a kind, such as ``a request with a wrong token``; nothing of the visitor's is in its words."""
        self.counts[kind] += 1
        if self.counts[kind] == 1:
            self._say(f"web view: refused {kind}; more of these are counted and not said")


def on_stderr(sentence: str) -> None:
    """Says it where plain notes go."""
    print(f"note: {sentence}", file=sys.stderr, flush=True)


class Overheard(logging.Handler):
    """Turns the server's own warnings into refusals; their words hold what the visitor sent and are not repeated."""

    def __init__(self, refused: Refusals) -> None:
        super().__init__(logging.WARNING)
        self._refused = refused

    def emit(self, record: logging.LogRecord) -> None:
        """Of every warning one kind."""
        failed = record.exc_info and record.exc_info[0]
        self._refused(
            f"a request over a fault of its own ({failed.__name__})" if failed else "what is no proper request"
        )
