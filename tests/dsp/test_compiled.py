from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_it_runs_where_nothing_can_be_kept(tmp_path):
    """A checkout that may not be written, and no home: numba finds no place for its cache."""
    (tmp_path / "file").touch()
    (tmp_path / "sums.py").write_text(
        "from dsp.compiled import compiled\n\n\n@compiled(nogil=True)\ndef twice(x):\n    return 2 * x\n"
    )
    (tmp_path / "__pycache__").touch()  # a file, where the folder of the cache would be
    nowhere = str(tmp_path / "file" / "home")
    settings = {"HOME": nowhere, "XDG_CACHE_HOME": nowhere, "LOCALAPPDATA": nowhere, "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", "from sums import twice; print(twice(21), bool(twice.signatures))"],
        env={**os.environ, **settings, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ran.returncode, ran.stdout) == (0, "42 True\n"), ran.stderr
