"""Finding a source by what was typed: the simulator by ``sim:``, or a recorded file."""

from __future__ import annotations

from pathlib import Path

from devices.files import load
from devices.recording import Recording
from devices.simulator import simulate

SIMULATOR = "sim:"
KNOWN = "sim: (a simulated person; sim:person=7,session=2 chooses one) or the path of a recording"

_SETTINGS = ("person", "session", "repetitions")


def find(text: str, rate_hz: float, unit: str | None = None, file_rate_hz: float | None = None) -> Recording:
    """The recording behind what was typed.

    Args:
        text: ``sim:``, ``sim:person=7,session=2`` or a path.
        rate_hz: at which the simulator samples; a file has its own rate.
        unit: of a file that does not say it.
        file_rate_hz: of a file that does not say it.

    Raises:
        ValueError: nothing of that name is known, or it cannot be read; the message lists what is known.
    """
    if text.startswith(SIMULATOR):
        chosen = _settings(text.removeprefix(SIMULATOR))
        return simulate(
            chosen.get("person", 0),
            chosen.get("session", 1),
            repetitions=chosen.get("repetitions", 3),
            rate_hz=rate_hz,
        )
    path = Path(text)
    if not path.suffix and not path.exists():
        raise ValueError(f"there is no device or recording {text!r}; known are {KNOWN}")
    return load(path, rate_hz=file_rate_hz, unit=unit)


def _settings(text: str) -> dict[str, int]:
    chosen: dict[str, int] = {}
    for part in filter(None, text.split(",")):
        key, _, value = part.partition("=")
        if key not in _SETTINGS or not value.isdecimal():
            raise ValueError(
                f"the simulator does not know {part!r}; give {', '.join(_SETTINGS)} as whole numbers, "
                "like sim:person=7,session=2"
            )
        chosen[key] = int(value)
    return chosen
