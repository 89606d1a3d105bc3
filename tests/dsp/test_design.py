"""Specs and designs: what is clamped, refused, stored and recognised again."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.design import Design, DspSpec, design

KILOHERTZ = DspSpec(rate_hz=1000, notch_hz=50, scale_uv=(1.5,))


def test_lengths_are_rounded_down():
    spec = DspSpec(rate_hz=512)
    assert (spec.window, spec.hop) == (204, 81)
    assert spec.windows_in(2560) == (2560 - 204) // 81 + 1
    assert (spec.windows_in(203), spec.windows_in(204)) == (0, 1)
    assert DspSpec(rate_hz=1000).window == 400
    assert DspSpec(rate_hz=2000, window_ms=0.5).window == 1


def test_the_band_is_clamped_with_a_warning():
    with pytest.warns(UserWarning, match=r"0\.45 x rate = 230\.4 Hz"):
        made = design(DspSpec(rate_hz=512))
    assert len(made.sections) == 4
    assert made.spec.effective_band_hz == (20.0, pytest.approx(230.4))


def test_no_warning_where_the_band_fits():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(design(DspSpec(rate_hz=1000, notch_hz=50)).sections) == 4 + 3


def test_only_harmonics_inside_the_band_are_notched():
    with pytest.warns(UserWarning, match="cannot exist"):
        made = design(DspSpec(rate_hz=200, notch_hz=50, notch_harmonics=9))
    assert len(made.sections) == 4 + 1


def test_whole_numbers_and_floats_are_one_spec():
    whole = DspSpec(rate_hz=1000, band_hz=(20, 450), notch_hz=50, window_ms=400, hop_ms=160, scale_uv=(2,))
    exact = DspSpec(rate_hz=1e3, band_hz=(20.0, 450.0), notch_hz=50.0, window_ms=4e2, hop_ms=160.0, scale_uv=(2.0,))
    assert design(whole).fingerprint == design(exact).fingerprint


def test_no_filter_at_all():
    assert design(DspSpec(rate_hz=1000, band_hz=None)).arrays()[0].shape == (0, 6)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"rate_hz": 0}, "rate_hz"),
        ({"rate_hz": float("nan")}, "rate_hz"),
        ({"channels": 0}, "channels"),
        ({"window_ms": 0.1}, "at least one sample"),
        ({"window_ms": float("nan")}, "window_ms is nan"),
        ({"window_ms": float("inf")}, "window_ms is inf"),
        ({"hop_ms": 0}, "hop_ms is 0.0; it must be a number above zero"),
        ({"hop_ms": 0.1}, "at least one sample"),
        ({"band_hz": (500.0, 600.0)}, "does not fit"),
        ({"band_hz": (0.0, 100.0)}, "does not fit"),
        ({"band_hz": (20.0, float("inf"))}, "does not fit"),
        ({"band_hz": (float("nan"), 100.0)}, "does not fit"),
        ({"order": 0}, "order"),
        ({"order": 5000}, "between 1 and 20"),
        ({"notch_harmonics": 0}, "notch_harmonics"),
        ({"notch_hz": 900.0}, "notch"),
        ({"notch_hz": 50.0, "notch_q": 0.0}, "notch"),
        ({"scale_uv": (1.0, 2.0)}, "scale_uv"),
        ({"scale_uv": (0.0,)}, "scale_uv"),
        ({"scale_uv": (float("inf"),)}, "scale_uv"),
    ],
)
def test_impossible_specs_are_refused(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        replace(KILOHERTZ, **change)


@settings(deadline=None, max_examples=25)
@given(
    rate=st.floats(250, 4000),
    notch=st.sampled_from([None, 50.0, 60.0]),
    scale=st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=1),
)
def test_json_keeps_every_bit(rate, notch, scale):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = design(DspSpec(rate_hz=rate, notch_hz=notch, scale_uv=tuple(scale)))
    again = Design.from_json(json.loads(json.dumps(made.to_json())))
    assert again == made
    assert again.fingerprint == made.fingerprint
    assert again.arrays()[0].tobytes() == made.arrays()[0].tobytes()


def test_the_fingerprint_sees_every_field():
    base = design(KILOHERTZ)
    changes = [
        {"rate_hz": 1001.0}, {"channels": 7}, {"band_hz": (21.0, 450.0)}, {"order": 3}, {"notch_hz": 60.0},
        {"notch_harmonics": 2}, {"notch_q": 31.0}, {"window_ms": 401.0}, {"hop_ms": 161.0}, {"scale_uv": (1.6,)},
    ]  # fmt: skip
    assert {name for change in changes for name in change} == set(DspSpec.__dataclass_fields__)
    prints = {design(replace(KILOHERTZ, **change)).fingerprint for change in changes} | {base.fingerprint}
    assert len(prints) == len(changes) + 1
    nudged = replace(base, sections=(tuple(np.nextafter(base.sections[0], 1)), *base.sections[1:]))
    assert nudged.fingerprint != base.fingerprint


@pytest.mark.parametrize(
    "damage",
    [
        lambda p: p.pop("sections"),
        lambda p: p["sections"][0].pop(),
        lambda p: p["rest"].pop(),
        lambda p: p["spec"].update(flavour="sweet"),
        lambda p: p["spec"].pop("rate_hz"),
        lambda p: p["spec"].update(rate_hz=[]),
        lambda p: p["spec"].update(band_hz=[20]),
        lambda p: p["sections"][0].__setitem__(0, "text"),
    ],
)
def test_damaged_json_is_refused(damage):
    plain = json.loads(json.dumps(design(KILOHERTZ).to_json()))
    damage(plain)
    with pytest.raises(ValueError, match=r"design|spec"):
        Design.from_json(plain)


def test_the_live_path_does_not_import_scipy_signal():
    program = (
        "import sys, dsp.pipeline, dsp.ring\n"
        "from dsp.design import Design\n"
        "sys.exit('scipy.signal' in sys.modules or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
