from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.design import Design, DspSpec, design
from dsp.flow import Window
from models.checkpoint import Checkpoint, save
from models.engines.export import onnx_bytes
from models.ensemble import load_ensemble, save_ensemble
from models.listing import read_listing
from models.loading import Wanted, load_classifier
from models.networks import load_networks
from models.reading import WHOLE, joint
from tests.models.conftest import LABELS, TINY, tiny
from tests.models.engines.test_export import run


def variant(processing: Design, **changes: object) -> Design:
    return replace(processing, spec=replace(processing.spec, **changes))  # type: ignore[arg-type]


@pytest.fixture
def unlike(tmp_path: Path, processing: Design) -> Path:
    """Two members that read 400 and 200 ms, one in units of 7 and one of 1 to 4 microvolts."""
    rng = np.random.default_rng(0)
    designs = {"long": processing, "short": variant(processing, window_ms=200.0, hop_ms=50.0, scale_uv=(1, 2, 3, 4))}
    for seed, (name, own) in enumerate(designs.items()):
        golden = rng.standard_normal((3, own.spec.window, 4)).astype(np.float32)
        save(tmp_path / name, Checkpoint("se_resnet", TINY, LABELS, own), tiny(seed), golden)
    save_ensemble(tmp_path, [("short", 1), ("long", 3)])
    return tmp_path


def test_each_member_reads_its_own_window_in_its_own_scale(unlike: Path, windows: NDArray[np.float32]) -> None:
    whole = load_networks(unlike, device="cpu")
    assert whole.design.spec.window_ms == 400
    assert whole.design.spec.hop_ms == 50, "of the first"
    assert whole.design.spec.scale_uv == (1.0, 2.0, 3.0, 4.0), "of the first"
    short, long = (load_networks(unlike / name, device="cpu") for name in ("short", "long"))
    found = whole.batch_members(windows, views=False)
    np.testing.assert_allclose(found[0], short.batch(windows[:, -40:], views=False), atol=1e-5)
    rescaled = windows * (np.array([1, 2, 3, 4]) / 7).astype(np.float32)
    np.testing.assert_allclose(found[1], long.batch(rescaled, views=False), atol=1e-5)
    np.testing.assert_allclose(whole.batch(windows, views=False), found[0] / 4 + found[1] * 3 / 4, atol=1e-6)


def test_longer_recordings_than_a_window_go_through(unlike: Path) -> None:
    windows = np.random.default_rng(2).standard_normal((2, 500, 4)).astype(np.float32)
    short = load_networks(unlike / "short", device="cpu")
    found = load_networks(unlike, device="cpu").batch_members(windows, views=False)
    np.testing.assert_allclose(found[0], short.batch(windows[:, 40:], views=False), atol=1e-5)


def test_every_engine_serves_it(unlike: Path, windows: NDArray[np.float32]) -> None:
    expected = load_networks(unlike, device="cpu").batch(windows)
    live = load_classifier(unlike, Wanted("torch", device="cpu"))
    np.testing.assert_allclose(live.batch(windows), expected, atol=1e-4)
    for place, answer in enumerate(expected):
        np.testing.assert_allclose(live(Window(windows[place], 1000 * place, 1000 * place + 80)), answer, atol=1e-4)
    for member in load_ensemble(unlike).members:
        content = onnx_bytes(member.reads(member.module), 4, 80)
        golden = member.golden
        assert golden.windows.shape == (3, 80, 4)
        rows = np.ascontiguousarray(golden.windows.transpose(0, 2, 1))
        np.testing.assert_allclose(run(content, rows), golden.logits, atol=1e-4)


def test_what_engines_keep_is_told_apart_by_what_is_read(unlike: Path) -> None:
    before = read_listing(unlike)
    save_ensemble(unlike, [("long", 3), ("short", 1)])
    assert read_listing(unlike).source != before.source
    assert {card.reading.skip for card in before.cards} == {0, 40}


def test_filters_must_be_the_same(processing: Design) -> None:
    other = design(DspSpec(rate_hz=200.0, channels=4, band_hz=(30.0, 80.0), scale_uv=(7.0,)))
    with pytest.raises(ValueError, match=r"dsp\.band_hz \[20\.0, 80\.0\] and \[30\.0, 80\.0\]"):
        joint([processing, other])
    assert joint([processing, processing]) == (processing, (WHOLE, WHOLE))


def test_filters_that_differ_in_their_last_digits_are_the_same(processing: Design) -> None:
    """As those of two machines do."""
    sections, rest = processing.arrays()
    for factor, equal in ((1 + 1e-15, True), (1 + 1e-9, False)):
        other = replace(
            processing,
            sections=tuple(tuple(row) for row in (sections * factor).tolist()),
            rest=tuple((one, two) for one, two in (rest * factor).tolist()),
        )
        assert other != processing
        if equal:
            assert joint([processing, other])[0] == processing
        else:
            with pytest.raises(ValueError, match="other coefficients"):
                joint([processing, other])
