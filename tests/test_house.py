"""What keeps plain package names safe, and other rules of the house."""

from __future__ import annotations

import ast
import importlib
import sys
import tomllib
from pathlib import Path

import pytest

from models.families import FAMILIES

ROOT = Path(__file__).parents[1]
ROOMS = ("dsp", "devices", "models", "stream", "train")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
DEPENDENCIES = {
    "brainflow",
    "edfio",
    "h5py",
    "matplotlib",
    "mne",
    "numba",
    "numpy",
    "pyarrow",
    "pyedflib",
    "pylsl",
    "pyxdf",
}
DEPENDENCIES |= {"pyxdf", "rich", "safetensors", "scipy", "serial", "torch", "transformers", "typer", "wfdb"}


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_is_loaded_from_this_checkout(room):
    assert Path(importlib.import_module(room).__file__).parent == ROOT / room


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_module_shadows_another(path):
    if path.stem not in ("__init__", "__main__"):
        assert path.stem not in sys.stdlib_module_names | DEPENDENCIES


def test_every_tests_folder_is_a_package():
    folders = {path.parent for path in (ROOT / "tests").rglob("test_*.py")} | {ROOT / "tests"}
    assert all((folder / "__init__.py").exists() for folder in folders)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_pickles(path):
    pickling = {"pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    harmless = {
        node.func
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and any(word.arg == "weights_only" and ast.unparse(word.value) == "True" for word in node.keywords)
    }
    for node in ast.walk(tree):
        names = (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        assert not pickling & {name.split(".")[0] for name in names}
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "torch":
            assert node.attr != "save", "torch.save pickles"
            assert node.attr != "load" or node in harmless, "torch.load runs what was pickled, unless weights_only=True"


def test_every_family_is_in_the_contract_of_independence():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    listed = next(contract["modules"] for contract in contracts if contract["type"] == "independence")
    assert sorted(listed) == sorted({family.module for family in FAMILIES.values()})
