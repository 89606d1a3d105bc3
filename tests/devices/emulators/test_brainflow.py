"""BrainFlow, unmodified, reads the emulated Cyton: the judge of whether it is one."""

from __future__ import annotations

import importlib
import importlib.util
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from devices.emulators.cyton import ACCELERATION, Cyton, counts
from devices.emulators.feed import Feed
from devices.emulators.serve import Served
from tests.devices.emulators.recordings import noise, wait_for

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def shim() -> Any:
    pytest.importorskip("termios", reason="there are no pseudo-terminals here")
    if importlib.util.find_spec("brainflow") is None:
        pytest.skip("BrainFlow is not installed (pip install -e '.[brainflow]')")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its first call imports pkg_resources, which warns
        board_shim = importlib.import_module("brainflow.board_shim")
        board_shim.BoardShim.disable_board_logger()
    return board_shim


@pytest.fixture
def served() -> Iterator[Served]:
    with Served(Cyton(Feed(noise(seconds=1.1), 250.0, 8))) as made:
        yield made


@pytest.fixture
def board(shim: Any, served: Served) -> Iterator[Any]:
    parameters = shim.BrainFlowInputParams()
    parameters.serial_port = served.path
    board = shim.BoardShim(shim.BoardIds.CYTON_BOARD, parameters)
    board.prepare_session()
    yield board
    board.release_session()


def streamed(board: Any, packets: int) -> Any:
    board.start_stream()
    wait_for(lambda: bool(board.get_board_data_count() >= packets))
    board.stop_stream()
    return board.get_board_data()


def test_every_packet_in_order_with_exact_values(shim: Any, board: Any, served: Served) -> None:
    data = streamed(board, 570)  # more than two turns of the counter, and of the recording
    count = data.shape[1]
    assert count >= 570
    assert data[shim.BoardShim.get_package_num_channel(0)].tolist() == [number % 256 for number in range(count)]
    wanted = counts(Feed(noise(seconds=1.1), 250.0, 8).block(0, count).astype(np.float64), np.full(8, 24))
    scale_uv = 4.5e6 / 24 / (2**23 - 1)
    np.testing.assert_allclose(data[shim.BoardShim.get_emg_channels(0)].T, wanted * scale_uv, rtol=1e-12)
    assert shim.BoardShim.get_sampling_rate(0) == 250
    served.stop()
    assert served.log == []


def test_its_accelerometer_is_understood(shim: Any, board: Any) -> None:
    data = streamed(board, 50)
    felt = data[shim.BoardShim.get_accel_channels(0)]
    np.testing.assert_allclose(felt[:, 20], np.array(ACCELERATION) * 0.002 / 16, rtol=1e-9)


def test_its_commands_are_answered(board: Any) -> None:
    assert board.config_board("x3020000X") == "Success: Channel set for 3$$$"
    assert board.config_board("x302000X") == "Failure: too few chars$$$"
    assert board.config_board("d") == "updating channel settings to default$$$"


def test_a_changed_gain_arrives_as_the_same_voltage(shim: Any, board: Any) -> None:
    board.config_board("x1040110X")
    data = streamed(board, 100)
    wanted = noise(seconds=1.1).samples[:100, 0]
    scale_uv = 4.5e6 / 8 / (2**23 - 1)
    assert np.abs(data[shim.BoardShim.get_emg_channels(0)[0], :100] - wanted).max() <= scale_uv / 2 * 1.001


def test_it_starts_again_after_a_stop(shim: Any, board: Any) -> None:
    for _ in range(2):
        data = streamed(board, 100)
        numbers = data[shim.BoardShim.get_package_num_channel(0)]
        assert numbers.tolist() == [number % 256 for number in range(len(numbers))]
        time.sleep(0.05)
