"""How the electrodes sit, told from what the board hears."""

from __future__ import annotations

import numpy as np

from dsp.design import DspSpec
from dsp.flow import Chunk
from stream.board import Board, Reader
from stream.page import describe
from stream.sitting import LOOK_S, Sitting

RATE_HZ = 1000.0
SPEC = DspSpec(RATE_HZ, channels=4)


def test_each_channel_has_its_word_and_silence_has_none():
    about = describe(
        SPEC, title="arm", checkpoint="demo", channels=("a", "b", "c", "d"), labels=("rest", "fist"), full_scale_uv=1e3
    )
    random = np.random.default_rng(0)
    with Board(about) as board:
        reader = Reader(board.path)
        sitting = Sitting(reader)
        assert sitting.states(0.0) == ()
        samples = random.normal(scale=20, size=(1200, 4)).astype(np.float32)
        samples[:, 1] = 3.0
        samples[:, 2] = 1e3 * np.sign(samples[:, 2])
        samples[:, 3] = 300 * np.sin(2 * np.pi * 50 * np.arange(1200) / RATE_HZ)
        board.margin.hear(Chunk(samples, 0))
        assert sitting.states(LOOK_S) == ("good", "flat", "railed", "hum")
        assert sitting.states(1.1 * LOOK_S) == ("good", "flat", "railed", "hum")
        assert sitting.states(2.1 * LOOK_S) == ()  # nothing new has come
        board.margin.hear(Chunk(samples[:600], 1500))  # behind a gap of 300
        assert sitting.states(3.2 * LOOK_S)[0] == "good"
        reader.close()
