"""What a live program loads: neither PyTorch nor SciPy, and no picture library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from models.loading import Wanted, load_classifier

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "models" / "checkpoints" / "demo"

PROGRAM = """
import json, sys
sys.argv = ["stream", *json.loads(sys.argv[1])]
from stream.cli import main
try:
    main()
finally:
    heavy = ("torch", "scipy", "matplotlib", "onnx", "onnxscript", "sympy", "pandas", "openvino", "starlette")
    print(json.dumps([name for name in heavy if name in sys.modules]), file=sys.stderr)
"""


@pytest.fixture(scope="module", autouse=True)
def _exported() -> None:
    load_classifier(DEMO, Wanted("onnx"))


REPLAY = ("replay", "recordings/demo.npz", "--speed", "max", "--json")


@pytest.mark.parametrize(
    ("engine", "arguments"),
    [
        ("onnx", REPLAY),
        ("int8", REPLAY),
        ("auto", REPLAY),
        ("onnx", ("live", "recordings/demo.npz", "--seconds", "0.6", "--plain")),
        ("onnx", ("profile", "--source", "recordings/demo.npz", "--seconds", "0.6")),
        ("onnx", ("profile", "--source", "recordings/demo.npz", "--seconds", "0.6", "--streams", "2")),
    ],
    ids=["replay", "replay-int8", "replay-auto", "live", "profile", "streams"],
)
def test_the_live_path_is_light(engine: str, arguments: tuple[str, ...]) -> None:
    given = json.dumps([*arguments, "--checkpoint", str(DEMO), "--engine", engine, "--device", "cpu"])
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, given], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert json.loads(ended.stderr.splitlines()[-1]) == []
    assert ended.stdout


def test_a_report_is_light_too(tmp_path: Path) -> None:
    given = json.dumps([*REPLAY, "--checkpoint", str(DEMO), "--engine", "onnx", "--report", str(tmp_path)])
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, given], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert json.loads(ended.stderr.splitlines()[-1]) == []
    assert (tmp_path / "report.html").exists()


def test_the_engine_keeps_to_itself(tmp_path: Path) -> None:
    """ONNX Runtime would leave an identifier and a database of events in the user's home."""
    places = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "LOCALAPPDATA": str(tmp_path)}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ORT_")} | places
    given = [*REPLAY, "--checkpoint", str(DEMO), "--engine", "onnx"]
    subprocess.run(
        [sys.executable, "-m", "stream", *given],
        cwd=ROOT,
        env=environment,
        check=True,
        timeout=120,
        capture_output=True,
    )
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and "onnxruntime" in str(path)]


def test_the_shipped_forms_in_eight_bits_are_trusted_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.loading._gpu_for_torch", lambda: False)
    for name in ("demo", "synapse"):
        classifier = load_classifier(ROOT / "models" / "checkpoints" / name)
        if any("gives other answers" in note for note in classifier.notes):
            pytest.skip(f"this processor does not compute whole numbers as it should: {classifier.notes[0]}")
        assert (classifier.engine.name, classifier.notes) == ("int8", ())


def test_numba_with_scipy_already_there_is_left_alone() -> None:
    program = "import scipy, sys\nimport dsp.pipeline\nassert sys.modules['scipy'] is scipy"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)
    program = "import dsp.pipeline\nfrom scipy import signal\nassert signal.butter(2, 0.5) is not None"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)
