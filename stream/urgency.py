"""Being let through first, where the system grants that: whatever shows the stream wants the same few cores.

Beside two tabs of a browser on two cores 99 of 100 decisions take up to 1.8 ms with it and 5.6 ms without, one in a
thousand 2 and 58 (``tests/bench/RESULTS.md``): the browser's threads are many, and the two that matter have to queue.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

NICE = -10

_NORMAL, _HIGH = 0x20, 0x80  # NORMAL_PRIORITY_CLASS, HIGH_PRIORITY_CLASS


@contextmanager
def urgent() -> Iterator[None]:
    """Asks for priority while the block lasts, for this thread and for those that it starts.

    On Linux the real-time class (``SCHED_RR``, the least of its priorities), as audio servers do, or else a niceness;
    root may have it, and whoever ``/etc/security/limits.conf`` gives ``rtprio`` or ``nice``. On Windows the high class.
    Where it is not granted, nothing changes. The kernel keeps a twentieth of each core for everybody else; where there
    is only one, it is not asked for.
    """
    give_back = _asked() if (os.cpu_count() or 1) > 1 else None
    try:
        yield
    finally:
        if give_back is not None:
            with suppress(OSError):
                give_back()


def _asked() -> Callable[[], object] | None:
    """What gives it back; None where it was not granted."""
    if sys.platform == "win32":
        return _in_windows()
    if sys.platform == "linux":
        policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(os.sched_get_priority_min(os.SCHED_RR)))
            return lambda: os.sched_setscheduler(0, policy, parameters)
    with suppress(OSError):
        before = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
        return lambda: os.setpriority(os.PRIO_PROCESS, 0, before)
    return None


def _in_windows() -> Callable[[], object] | None:
    import ctypes  # noqa: PLC0415 - of Windows alone

    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - there is none elsewhere
    if not kernel.SetPriorityClass(kernel.GetCurrentProcess(), _HIGH):
        return None
    return lambda: kernel.SetPriorityClass(kernel.GetCurrentProcess(), _NORMAL)
