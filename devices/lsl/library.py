"""liblsl, loaded when it is first needed, and its clock."""

from __future__ import annotations

import os
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

OLDEST = 116
"""As liblsl counts its versions: 1.16."""

_CONFIGURATIONS = ("lsl_api.cfg", "~/lsl_api/lsl_api.cfg", "/etc/lsl_api/lsl_api.cfg")
_QUIET = "[log]\nlevel = -3\n"


def load_pylsl() -> Any:
    """The module ``pylsl``, with a liblsl that is new enough.

    liblsl writes to stderr, into whatever a terminal shows; it is told not to, unless somebody has configured it.

    Raises:
        ValueError: one of the two is missing or too old; the message says how to get it.
    """
    fresh = "pylsl" not in sys.modules
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a version that is too old, which is refused below
            import pylsl  # noqa: PLC0415 - loads liblsl, which only its streams need
    except ModuleNotFoundError:
        raise ValueError("LSL streams need pylsl; install it with: python -m pip install pylsl") from None
    except (ImportError, OSError, RuntimeError, AttributeError):  # the last where its library lacks what it binds
        raise ValueError(f"LSL streams need liblsl, which pylsl cannot load; {install_hint()}") from None
    version = pylsl.library_version()
    if version < OLDEST:
        raise ValueError(
            f"LSL streams need liblsl {_version(OLDEST)} or newer, but {_version(version)} is installed; "
            f"{install_hint()}"
        )
    if fresh and not _configured() and hasattr(pylsl, "set_config_content"):
        with suppress(NotImplementedError):  # before liblsl 1.17.7
            pylsl.set_config_content(_QUIET)
    return pylsl


def install_hint() -> str:
    """How liblsl comes onto this kind of machine."""
    if sys.platform == "darwin":
        return "install it with: brew install labstreaminglayer/tap/lsl (or name its file in PYLSL_LIB)"
    if sys.platform == "win32":
        return "install it with: python -m pip install --force-reinstall pylsl (its wheel brings liblsl)"
    return (
        "install it with: conda install -c conda-forge liblsl, or from github.com/sccn/liblsl/releases "
        "(or name its file in PYLSL_LIB)"
    )


def offset_s(pylsl: Any) -> float:
    """What is to be added to LSL's clock on this machine to get ``time.perf_counter``.

    The two are one clock on Linux, and need not be elsewhere. Of some tries the one that took the shortest counts.
    """
    best = (float("inf"), 0.0)
    for _ in range(20):
        before = time.perf_counter()
        theirs = pylsl.local_clock()
        after = time.perf_counter()
        best = min(best, (after - before, (before + after) / 2 - theirs))
    return best[1]


def _configured() -> bool:
    return bool(os.environ.get("LSLAPICFG")) or any(Path(path).expanduser().exists() for path in _CONFIGURATIONS)


def _version(number: int) -> str:
    return f"{number // 100}.{number % 100}"
