"""``python -m devices emulate``."""

from __future__ import annotations

import shlex
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

if TYPE_CHECKING:
    from devices.emulators.faults import Event, Faults, Log
    from devices.emulators.feed import Feed
    from devices.emulators.serve import Emulated
    from devices.recording import Recording

NAME = "myostream"
"""Of an LSL stream that nobody gave another one."""

KINDS = ("cyton", "myo", "chords", "text", "lsl")
INT8_UV = 127
_LAST_BYTES_S = 2.0
"""What a program gets to fetch the end of a recording, before the port is gone."""

_FAULTS = (
    "What goes wrong, separated by commas: drop=0.01 and duplicate=0.01 of the packets; flip=1e-4 and lose=1e-4 of "
    "the bytes; burst=0.2@5 loses everything for 0.2 s about every 5 s; stall=0.5@7 holds it up; disconnect=2@10 "
    "unplugs the device after 10 s for 2 s; seed=1 chooses which."
)

_SAYINGS = {
    "connected": "a program is there",
    "left": "the program has gone",
    "start": "it begins to stream",
    "stop": "it was stopped",
    "gone": "it is unplugged",
    "back": "it is plugged in again and waits to be started",
    "resume": "it streams again",
    "unread": "it went before everything was read",
    "end": "the recording has ended",
}


def emulate(
    kind: Annotated[str, typer.Argument(help=f"What to be: {', '.join(KINDS)}.", show_default=False)],
    source: Annotated[
        str, typer.Option("--from", help="The recording it streams; sim:person=7 for a simulated person.")
    ] = "sim:",
    fault: Annotated[str, typer.Option("--fault", help=_FAULTS)] = "",
    log: Annotated[
        Path | None, typer.Option("--log", help="Write each fault and event there, as lines of JSON.")
    ] = None,
    link: Annotated[
        Path | None, typer.Option("--link", help="The port's name; in a private temporary folder if not given.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End with the recording instead of beginning again.")] = False,
    channels: Annotated[
        int | None, typer.Option("--channels", help="Of text: how many; as recorded if not given.")
    ] = None,
    rate_hz: Annotated[
        float | None,
        typer.Option("--rate", help="Of text: lines in a second. Else the recording's rate, where it does not say it."),
    ] = None,
    unit: Annotated[str | None, typer.Option("--unit", help="The recording's unit, where it does not say it.")] = None,
    timed: Annotated[
        bool | None,
        typer.Option("--time/--no-time", help="Of text: begin each line with microseconds, which show losses."),
    ] = None,
    board: Annotated[str | None, typer.Option("--board", help="Of chords: which board.")] = None,
    name: Annotated[str | None, typer.Option("--name", help=f"Of lsl: the stream's name; else {NAME}.")] = None,
) -> None:
    """Be a device: stream a recording byte for byte as the device would, with faults on demand.

    A program opens the port that is printed here as it would open the device's. Ctrl-C ends it.

    Example: python -m devices emulate cyton --from recordings/demo.npz --fault drop=0.01,disconnect=2@20
    """
    from devices.emulators import faults

    _refuse(kind, {"text": {"channels": channels, "time": timed}, "chords": {"board": board}, "lsl": {"name": name}})
    if kind == "lsl" and link is not None:
        raise ValueError("--link is the name of a serial port, and an lsl stream has none; name it with --name")
    wrong = faults.parse(fault)
    recording = _recording(source, rate_hz, unit, of_text=kind == "text")
    with ExitStack() as stack:
        file = stack.enter_context(_opened(log)) if log else None
        notes = faults.Log(file, _say)
        if kind == "lsl":
            _serve_lsl(recording, NAME if name is None else name, wrong, notes, once)
        else:
            device = _device(kind, recording, once, (channels, rate_hz, timed is not False), board)
            _serve(kind, device, wrong, notes, link)
    _sum_up(notes)


def _refuse(kind: str, owned: Mapping[str, Mapping[str, object]]) -> None:
    if kind not in KINDS:
        raise ValueError(f"there is no emulator of {kind!r}; there are {', '.join(KINDS)}")
    for owner, options in owned.items():
        given = [f"--{option}" for option, value in options.items() if value is not None]
        if given and kind != owner:
            raise ValueError(f"{given[0]} is for {owner}; a {kind} has its own, so leave it out")


@contextmanager
def _opened(log: Path) -> Iterator[TextIO]:
    """A file for the log.

    Raises:
        ValueError: something else has its name.
    """
    if log.is_file():
        with log.open("rb") as before:
            if before.read(1) not in {b"", b"{"}:
                raise ValueError(f"{str(log)!r} exists and is no log of faults; choose another name for the log")
    file = log.open("w", encoding="utf-8")
    try:
        yield file
    finally:
        with suppress(OSError):  # each line was written when it came, and a full disk was told of then
            file.close()


def _recording(source: str, rate_hz: float | None, unit: str | None, *, of_text: bool) -> Recording:
    from devices.address import FILE, parse

    address = parse(source)
    if address.scheme == FILE:
        return _loaded(source, rate_hz, unit, of_text=of_text)
    if address.scheme != "sim":
        raise ValueError(f"{source!r} is no recording; give a file, or sim:person=7 for a simulated person")
    from devices.simulator import simulate

    said = address.options
    print("a simulated person is being recorded first", flush=True)
    return simulate(
        int(said.get("person", "0")),
        int(said.get("session", "1")),
        repetitions=int(said.get("repetitions", "1")),
        hold_s=float(said.get("hold", "4")),
        rest_s=float(said.get("rest", "3")),
        rate_hz=float(said.get("rate", "1000")),
    )


def _loaded(source: str, rate_hz: float | None, unit: str | None, *, of_text: bool) -> Recording:
    from devices.files import load

    if not of_text or rate_hz is None:
        return load(source, rate_hz=rate_hz, unit=unit)
    try:
        return load(source, unit=unit)
    except ValueError:  # perhaps it does not say its rate, and then the rate of the lines is its own
        return load(source, rate_hz=rate_hz, unit=unit)


def _device(
    kind: str,
    recording: Recording,
    once: bool,
    of_text: tuple[int | None, float | None, bool],
    board: str | None,
) -> Emulated:
    from devices.emulators import feed

    if kind == "cyton":
        from devices.emulators import cyton

        return cyton.Cyton(feed.Feed(recording, cyton.RATE_HZ, cyton.CHANNELS, once=once))
    if kind == "myo":
        from devices.emulators import myo

        return myo.Myo(_within_int8(feed.Feed(recording, 200.0, 8, once=once, offset=False)))
    if kind == "chords":
        from devices.emulators import chords

        board = board or chords.USUAL
        known = chords.known(board)
        return chords.Chords(feed.Feed(recording, known.rate_hz, known.channels, once=once), board)
    from devices.emulators import lines

    channels, rate_hz, timed = of_text
    info = recording.info
    rate_hz = info.rate_hz if rate_hz is None else rate_hz
    channels = len(info.channels) if channels is None else channels
    return lines.Lines(feed.Feed(recording, rate_hz, channels, once=once), timed=timed, banner="emulated text device")


def _within_int8(fed: Feed) -> Feed:
    """The same; says how much of it a Myo cannot show."""
    beyond = float((abs(fed.samples) > INT8_UV).mean())
    if beyond:
        print(f"{beyond:.2%} of the samples lie beyond a Myo's range of {INT8_UV} uV and are cut there", flush=True)
    return fed


def _serve(kind: str, device: Emulated, wrong: Faults, notes: Log, link: Path | None) -> None:
    from devices.emulators.lines import Lines
    from devices.emulators.serve import Served

    with Served(device, wrong, link=link, notes=notes, name=kind) as served, _until_told() as told:
        said = f"?{device.address}" if isinstance(device, Lines) else ""
        print(f"{kind} is on {served.path} and waits; in another terminal:", flush=True)
        print(f"    python -m devices check {shlex.quote(f'{kind}:{served.path}{said}')}", flush=True)
        while not told.wait(0.1) and served.alive:
            pass
        served.line.drain(0.0 if told.is_set() else _LAST_BYTES_S)
        served.stop()


@contextmanager
def _until_told() -> Iterator[threading.Event]:
    """Ctrl-C and an orderly end from outside set an event, so that the device can stop as it should."""
    told = threading.Event()
    before = {number: signal.signal(number, lambda *_: told.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _serve_lsl(recording: Recording, name: str, wrong: Faults, notes: Log, once: bool) -> None:
    from devices.emulators.lsl import serve_lsl

    with _until_told() as told:
        print(f"lsl stream {name!r}; in another terminal:", flush=True)
        print(f"    python -m devices check {shlex.quote(_address(name))}", flush=True)
        serve_lsl(recording, name=name, faults=wrong, log=notes, until=told, once=once)


def _address(name: str) -> str:
    """The DEVICE string of a stream; one whose name looks like an option needs that said."""
    return f"lsl:name={name}" if "=" in name or name != name.strip() else f"lsl:{name}"


def _say(event: Event) -> None:
    print(f"  {_SAYINGS.get(event.event, event.event)} (packet {event.packet})", flush=True)


def _sum_up(notes: Log) -> None:
    hits = ", ".join(f"{fault} {count}" for fault, count in notes.totals().items()) or "none"
    unheard = f", {notes.unheard} more while nobody listened" if notes.unheard else ""
    print(f"{notes.made} packets were due, {notes.sent} went out{unheard}; faults: {hits}")
