"""How every command line complains: one plain sentence, and an exit status that says which kind of end it was."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

USAGE = 2
INTERRUPTED = 130


def one_sentence(error: BaseException) -> str:
    """The message of an error on a single line, with the file an OSError is about."""
    if isinstance(error, OSError) and error.strerror:
        where = f"'{os.fsdecode(error.filename)}': " if isinstance(error.filename, str | bytes) else ""
        return f"{where}{error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


@contextmanager
def plainly() -> Iterator[None]:
    """Turn the errors a user can cause into one sentence on stderr and an exit status.

    ValueError and OSError end with status 2, Ctrl-C with 130, and a reader of stdout that went away (``| head``) with 0
    and no words at all. Every other exception is a defect and keeps its traceback.

    Raises:
        SystemExit: with the status above.
    """
    try:
        yield
    except BrokenPipeError:
        _abandon_stdout()
        raise SystemExit(0) from None
    except (ValueError, OSError) as error:
        print(f"error: {one_sentence(error)}", file=sys.stderr)
        raise SystemExit(USAGE) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


def _abandon_stdout() -> None:
    """Point stdout at nowhere, so that the interpreter's last flush does not complain of the broken pipe again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError):  # stdout is no file (a test's capture): nothing left to flush
        pass
    finally:
        os.close(nowhere)
