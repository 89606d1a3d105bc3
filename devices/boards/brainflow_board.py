"""Boards that BrainFlow knows, as sources; needs the extra ``brainflow``.

BrainFlow reads the board in a thread of its own, converts to microvolts and stamps each sample with the host's clock
when it arrives. It cannot be waited on, so it is asked every 5 ms.
"""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Mapping
from typing import Any

from devices.boards.brainflow_source import Board, BrainFlowSource, disown, release
from dsp.flow import StreamInfo

OPENING_S = 4.5
"""How long a board may take to answer, where the option ``timeout`` gives it no longer."""

_KEPT_S = 10.0  # that BrainFlow keeps for us; a reader that is later than this loses samples

_OF_ANOTHER = ("PLAYBACK_FILE_BOARD", "STREAMING_BOARD")  # which have the channels of their master_board

_INSTALL = "python -m pip install -e '.[brainflow]'"


_ADS1299_UV = 4.5 / 24 * 1e6

BOARDS: Mapping[str, Board] = {
    "SYNTHETIC_BOARD": Board(256),
    "CYTON_BOARD": Board(256, full_scale_uv=_ADS1299_UV),
    "CYTON_WIFI_BOARD": Board(256, full_scale_uv=_ADS1299_UV),
    "CYTON_DAISY_BOARD": Board(256, 2, _ADS1299_UV),
    "FREEEEG32_BOARD": Board(256),
}
"""Boards whose counter is known to count samples; of all others, a loss shows only where it lasts."""

_CURES = {
    "PORT_ALREADY_OPEN_ERROR": "the port is in use by another program; close that one",
    "UNABLE_TO_OPEN_PORT_ERROR": "the port cannot be opened; check its name, and that you may use it",
    "INVALID_ARGUMENTS_ERROR": "it needs other options (serial_port, mac_address, ip_address and so on)",
    "UNSUPPORTED_BOARD_ERROR": "this BrainFlow cannot use it on this system",
    "BOARD_NOT_READY_ERROR": "it does not answer; switch it on, and check the port",
    "INITIAL_MSG_ERROR": "it does not answer as it should; switch it on, and check the port",
    "SYNC_TIMEOUT_ERROR": "it gives no samples; switch it off and on",
}


def open_brainflow(board: str, options: Mapping[str, str], *, patience_s: float = 4.0) -> BrainFlowSource:
    """Opens a board through BrainFlow.

    Args:
        board: a name of ``brainflow.BoardIds`` in any case, with or without ``_BOARD``, or its number.
        options: of ``brainflow.BrainFlowInputParams``; besides, ``channels`` such as ``1-8`` or ``1,2,5`` chooses
            among the board's EMG channels.
        patience_s: how long the board may give no samples.

    Raises:
        ValueError: BrainFlow is not installed, does not know the board, or cannot open it.
    """
    shim = _brainflow()
    name, number = _find(shim, board)
    parameters = _parameters(shim, options)
    described = _described(shim, parameters.master_board if name in _OF_ANOTHER else number)
    rows = _rows(described)
    if not rows or "sampling_rate" not in described:
        said = " unless master_board says whose" if name in _OF_ANOTHER else "; choose another board"
        raise ValueError(f"BrainFlow's {name} has no EMG channels{said}")
    chosen = _channels(options.get("channels"), len(rows), name)
    rate_hz = float(described["sampling_rate"])
    opened = _prepared(name, shim.BoardShim(number, parameters), max(OPENING_S, float(parameters.timeout)), rate_hz)
    known = BOARDS.get(name, Board(0))
    info = StreamInfo(
        f"{described['name']} (BrainFlow)", rate_hz, tuple(f"ch{c}" for c in chosen), full_scale_uv=known.full_scale_uv
    )
    wanted = [described["package_num_channel"], described["timestamp_channel"], *(rows[c - 1] for c in chosen)]
    return BrainFlowSource(opened, info, known, wanted, patience_s=patience_s)


def _brainflow() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it uses pkg_resources, which complains of being used
            from brainflow import board_shim  # noqa: PLC0415 - an extra

            board_shim.BoardShim.disable_board_logger()
    except ImportError as error:
        raise ValueError(f"{error.name or 'brainflow'} is not installed; install the extra: {_INSTALL}") from None
    return board_shim


def _described(shim: Any, number: int) -> dict[str, Any]:
    try:
        described: dict[str, Any] = shim.BoardShim.get_board_descr(number)
    except shim.BrainFlowError:
        return {}
    return described


def _rows(described: dict[str, Any]) -> list[int]:
    """Of BrainFlow's table, those that can be EMG: boards for several purposes name the same ones for each."""
    return described.get("emg_channels") or described.get("eeg_channels") or described.get("ecg_channels") or []


def _find(shim: Any, board: str) -> tuple[str, int]:
    wanted = board.strip().upper()
    for known in shim.BoardIds:
        if wanted in (known.name, known.name.removesuffix("_BOARD"), str(known.value)) and known.name != "NO_BOARD":
            return known.name, known.value
    for_emg = [known.name for known in shim.BoardIds if _described(shim, known.value).get("emg_channels")]
    names = ", ".join(name.removesuffix("_BOARD").lower() for name in for_emg)
    raise ValueError(f"BrainFlow does not know the board {board!r}; those for EMG are {names}")


def _channels(text: str | None, most: int, name: str) -> list[int]:
    """Numbers from 1, in the order in which they are given."""
    if text is None:
        return list(range(1, most + 1))
    chosen: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", part.strip())
        chosen += range(int(match[1]), int(match[2] or match[1]) + 1) if match else [0]
    if not chosen or min(chosen) < 1 or max(chosen) > most or len(set(chosen)) < len(chosen):
        raise ValueError(f"channels is {text!r}, but BrainFlow's {name} has 1 to {most}; give them like 1-8 or 1,2,5")
    return chosen


def _parameters(shim: Any, options: Mapping[str, str]) -> Any:
    parameters = shim.BrainFlowInputParams()
    for key, value in options.items():
        if key == "channels":
            continue
        usual = getattr(parameters, key, None)
        if usual is None:
            raise ValueError(f"BrainFlow has no option {key!r}; it has {', '.join(vars(parameters))} and channels")
        if isinstance(usual, int) and not re.fullmatch(r"-?\d{1,9}", value):
            raise ValueError(f"{key} is {value!r}; BrainFlow takes a whole number there")
        setattr(parameters, key, int(value) if isinstance(usual, int) else value)
    return parameters


def _prepared(name: str, board: Any, limit_s: float, rate_hz: float) -> Any:
    """The board, streaming. It is opened in a thread, since BrainFlow may take any time to find that nobody is there.

    Raises:
        ValueError: it did not open, or not in time; in the latter case it is released as soon as it does.
    """
    if board.is_prepared():
        disown(board)
        raise ValueError(f"BrainFlow's {name} is already open in this program; close it there first")
    done, given_up, failed = threading.Event(), threading.Event(), list[BaseException]()

    def prepare() -> None:
        try:
            board.prepare_session()
            board.start_stream(max(1000, int(_KEPT_S * rate_hz)))
        except BaseException as error:  # whatever it is, it belongs to the thread that waits
            failed.append(error)
            release(board)
        finally:
            done.set()
            if given_up.is_set():
                release(board)

    threading.Thread(target=prepare, name="brainflow", daemon=True).start()
    if not done.wait(limit_s):
        given_up.set()
        raise ValueError(
            f"BrainFlow's {name} has not answered for {limit_s:g} s; check that it is switched on and near, "
            "or give it longer with timeout=15"
        )
    if failed:
        raise ValueError(f"BrainFlow cannot open {name}: {_reason(failed[0])}") from None
    return board


def _reason(error: BaseException) -> str:
    said = " ".join(str(error).split())
    code = said.partition(":")[0]
    return f"{_CURES[code]} ({code})" if code in _CURES else said
