"""``python -m devices record DEVICE --guide SCRIPT``."""

from __future__ import annotations

import json
import os
import shlex
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from devices.guiding.prompts import Shows
    from devices.guiding.script import Script
    from devices.recorder.feeding import Recorder
    from devices.watched import Watched

EXAMPLE = "example"
"""In place of a script: it is printed."""


class Manner(NamedTuple):
    """How a person is led.

    Attributes:
        as_json: the summary is one line of JSON, and the prompts go to stderr.
        plain: prompts are lines, also where there is a screen.
    """

    as_json: bool
    plain: bool

    @property
    def screen(self) -> bool:
        """There is a whole screen to draw on."""
        dumb = os.environ.get("TERM", "") in {"dumb", "unknown"}
        return sys.stdout.isatty() and not (self.as_json or self.plain or dumb)


def print_example() -> None:
    """Writes a script to begin with to stdout."""
    from devices.guiding.script import EXAMPLE as PATH

    print(PATH.read_text(encoding="utf-8"), end="")


def check_device(device: str) -> None:
    """Refuses what nobody can be led in front of.

    Raises:
        ValueError: it is a recording.
    """
    from devices.address import FILE, parse

    if parse(device).scheme == FILE:
        raise ValueError(
            f"{device!r} is a recording, in which nobody can be told what to do; give a device, or sim: for a "
            "simulated person"
        )


def place(out: Path, format_: str | None, person: str, session: str) -> Path:
    """The file that is meant: ``out`` itself where it has a suffix, else a new one in the folder ``out``.

    A folder takes one sitting after another, and is what training takes.
    """
    from devices.files import SUFFIXES
    from devices.formats.writer import FORMATS, destination

    suffixes = (*SUFFIXES, *(suffix for every in FORMATS.values() for suffix in every))
    bids = format_ == "bids" or (format_ is None and (out / "dataset_description.json").is_file())
    if bids or (out.suffix.lower() in suffixes and not out.is_dir()) or (format_ and format_ not in FORMATS):
        return destination(out, format_)[0]
    if out.exists() and not out.is_dir():
        raise ValueError(f"{str(out)!r} is a file; name a folder for the recordings, or a file like {out.name}.xdf")
    suffix = FORMATS[format_ or "xdf"][0]
    stem = "_".join(filter(None, ("guided", _word(person), _word(session))))
    number = next(n for n in range(1, 1_000_000) if not any(out.glob(f"{stem}_{n}.*")))
    return out / f"{stem}_{number}{suffix}"


def _word(text: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in text).strip("-")


def run(
    source: Watched,
    recorder: Recorder,
    script: Script,
    ending: threading.Event,
    manner: Manner,
    *,
    ask: Callable[[str], object],
    device: str,
    folder: bool,
) -> None:
    """Leads through a script, writes the report beside the recording and says how it went.

    Args:
        source: opened; closed here.
        recorder: closed here.
        script: what to do.
        ending: somebody wants it to end.
        manner: of prompts and summary.
        ask: tells the source what is to be done (``devices.guiding.obeying``).
        device: as it was named, for the next command.
        folder: the recording is one of several in a folder of its own.

    Raises:
        ValueError: the source or the disk failed; what came before is recorded, and told of.
    """
    from devices.guiding.leading import Leader
    from devices.guiding.prompt import Prompt
    from devices.guiding.report import report
    from devices.keys import Keys
    from devices.recorder.loop import Progress
    from devices.recorder.status import summary

    progress = Progress(recorder, source.integrity, source.info.rate_hz)
    failure: ValueError | None = None
    try:
        with ExitStack() as stack:
            show = stack.enter_context(_showing(manner))
            keys = stack.enter_context(Keys())
            prompt = Prompt(source.info.name, script.title or f"recording {recorder.path.name}", "")
            pressed = keys.take if keys.there else None
            leader = Leader(source, progress, script, show, prompt, pressed=pressed, ask=ask, ending=ending)
            try:
                leader.run()
            except ValueError as error:
                failure = error
    finally:
        source.close()
        try:
            recorder.close()
        except ValueError as error:
            failure = failure or error
    if progress.first is None:
        raise failure or ValueError(f"no sample came from {source.info.name!r}, so nothing was recorded")
    told = {**summary(source, progress, failure), **report(leader, script, source, progress.first)}
    taken = any(attempt.good for attempt in leader.attempts)
    told["next"] = commands(recorder.path, device, folder=folder) if taken else []
    _say(told, source, progress, as_json=manner.as_json)
    if failure is not None:
        raise failure


def commands(path: Path, device: str, *, folder: bool) -> list[str]:
    """What to type now: train on it and use that, or fit what there is: train that on, or calibrate it."""
    data = path.parent if folder or not path.is_dir() else path
    name = data.name if folder else path.stem
    out = f"runs/{name}"
    stream = ["python", "-m", "stream"]
    return [
        shlex.join(["python", "-m", "train", "tangent", "--data", str(data), "--out", out]),
        shlex.join([*stream, "live", device, "--checkpoint", out]),
        shlex.join(
            ["python", "-m", "train", "own", "--checkpoint", "PATH", "--data", str(data), "--out", f"{out}-own"]
        ),
        shlex.join([*stream, "calibrate", str(path), "--checkpoint", "PATH", "--out", f"{out}-calibrated"]),
    ]


def _say(told: dict[str, Any], source: Watched, progress: Any, *, as_json: bool) -> None:
    from devices.guiding import tables
    from devices.recorder.status import sentence
    from dsp.storage import write

    path = _beside(Path(told["path"]))
    told["report"] = str(path)
    write(path, json.dumps(told, indent=1, allow_nan=False).encode() + b"\n")
    if as_json:
        print(json.dumps(told, allow_nan=False))
        return
    print(sentence(source, progress))
    tables.show(told)


def _beside(path: Path) -> Path:
    """Where the report goes: by a name that no reader of recordings takes for one, nor BIDS for its own."""
    if not path.is_dir():
        return path.with_name(f"{path.stem}.guide.json")
    folder = path / "sourcedata"
    return next(at for n in range(1, 1_000_000) if not (at := folder / f"guide_{n}.json").exists())


@contextmanager
def _showing(manner: Manner) -> Iterator[Shows]:
    from devices.guiding.prompts import showing
    from devices.recorder.aside import Aside

    if manner.screen:
        with showing(None) as show:
            yield show
        return
    stream = sys.stderr if manner.as_json else sys.stdout
    aside = Aside(stream)
    try:
        with showing(cast("IO[str]", _Lines(aside, terminal=stream.isatty()))) as show:
            yield show
    finally:
        aside.close()


class _Lines:
    """As much of a text file as prompts need, which never waits."""

    def __init__(self, aside: Callable[[str], object], *, terminal: bool) -> None:
        self._aside, self._terminal = aside, terminal

    def write(self, text: str) -> int:
        """Takes text."""
        self._aside(text)
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        """Whether somebody hears a bell."""
        return self._terminal
