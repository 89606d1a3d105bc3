"""How every command line complains: one plain sentence, and an exit status that says which kind of end it was."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn, Protocol, TextIO

USAGE = 2
INTERRUPTED = 130

ROOMS = ("dsp", "devices", "models", "stream", "train")
INSTALL = (
    "activate the environment (. .venv/bin/activate), or make one with: python -m pip install -e . -c constraints.txt"
)


class Command(Protocol):
    """What is run: a command of click, or of the copy of click that typer brings."""

    def make_context(self, info_name: str | None, args: list[str], /) -> Any:
        """Parses the arguments."""

    def invoke(self, ctx: Any, /) -> Any:
        """Does what they say."""


def start(command: Command, program: str, arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command line from its first word to its exit status; without a word, it explains itself.

    Args:
        command: with all its subcommands.
        program: what a person types before the arguments, such as ``python -m stream``.
        arguments: those of the process if None.

    Raises:
        SystemExit: always, with the status of ``plainly``.
    """
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    with plainly():
        sys.stdout, sys.stderr = _open(sys.stdout), _open(sys.stderr)
        if isinstance(sys.stdout, TextIOWrapper):  # a question mark for what the terminal's encoding cannot express
            sys.stdout.reconfigure(errors="replace")
        if "" in given:
            raise ValueError(f"one of the arguments of '{program}' is empty; leave it out, or give it a value")
        status = _status(command, program, given)
        sys.stdout.flush()
    raise SystemExit(status)


def end_in_order() -> None:
    """Let a request to end, and the closing of the terminal, do what Ctrl-C does: files and devices are closed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # which nohup asks for
        signal.signal(signal.SIGHUP, signal.default_int_handler)


def _status(command: Command, program: str, arguments: list[str]) -> Any:
    try:
        with command.make_context(program, arguments) as context:
            command.invoke(context)
    except SystemExit as end:
        return end.code
    except Exception as error:  # this floor imports neither click nor typer, so it knows theirs by what they carry
        if hasattr(error, "format_message"):
            where = getattr(getattr(error, "ctx", None), "command_path", program)
            raise ValueError(f"{error.format_message().rstrip('.')}; see '{where} --help'") from None
        if hasattr(error, "exit_code"):
            return error.exit_code
        raise
    return 0


def _open(stream: TextIO | None) -> TextIO:
    """The stream, or nowhere where the program was started with it closed."""
    return Path(os.devnull).open("w", encoding="utf-8") if stream is None else stream


def one_sentence(error: BaseException) -> str:
    """The message of an error on a single line, with the file an OSError is about."""
    if isinstance(error, OSError) and error.strerror:
        if not isinstance(error.filename, str | bytes):
            return error.strerror
        where = _shown(os.fsdecode(error.filename))
        return f"'{where}' cannot be used: {error.strerror}; choose another path, or see who may read and write there"
    if isinstance(error, MemoryError):
        return f"the memory does not suffice{f' ({error})' if str(error) else ''}; give it less at once"
    return _shown(" ".join(str(error).split())) or type(error).__name__


def _shown(text: str) -> str:
    """With a question mark for what a terminal would take for a command."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


@contextmanager
def plainly() -> Iterator[None]:
    """Turn the errors a user can cause into one sentence on stderr and an exit status.

    ValueError, OSError and MemoryError end with status 2, and so does a library that is not installed; Ctrl-C ends
    with 130, and a reader of stdout that went away (``| head``) with 0 and no words at all. Every other exception is a
    defect and keeps its traceback.

    Raises:
        SystemExit: with the status above.
    """
    try:
        with _interruptible():
            yield
    except BrokenPipeError:
        _abandon_stdout()
        raise SystemExit(0) from None
    except (ValueError, OSError, MemoryError) as error:
        print(f"error: {one_sentence(error)}", file=sys.stderr)
        _let_go()
        raise SystemExit(USAGE) from None
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ROOMS:
            raise
        print(f"error: {error.name} is not installed for {sys.executable}; {INSTALL}", file=sys.stderr)
        raise SystemExit(USAGE) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


def tell(words: str) -> None:
    """Say something on stderr, where somebody may listen; a full disk behind it is no reason to stop."""
    with suppress(OSError, ValueError):
        print(words, file=sys.stderr, flush=True)


def interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind an error: a library that is interrupted while it loads says that it is broken."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def _interruptible() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        if interrupted(error):
            raise KeyboardInterrupt from error
        raise


def _let_go() -> None:
    """Write what stdout still holds; where that fails (a full disk), give it up."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        _abandon_stdout()


def _abandon_stdout() -> None:
    """Point stdout at nowhere, so that the interpreter's last flush does not complain of the broken pipe again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError):  # stdout is no file (a test's capture): nothing left to flush
        pass
    finally:
        os.close(nowhere)
