from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dsp.caching import cache_folder
from models.engines import kept
from models.listing import Listing, read_listing
from models.loading import Wanted, load_classifier
from models.views import ORIGINAL


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    shutil.copytree(exported, tmp_path / "pair")
    return tmp_path / "pair"


def test_what_is_kept_is_found(listing: Listing) -> None:
    found = kept.find(listing, kept.FLOAT32)
    assert found is not None
    assert [file.name for file in found.files] == ["0.onnx", "1.onnx"]
    assert found.folder == listing.root / "engines" / "fp32"
    assert "torch" in found.provenance
    assert kept.find(listing, kept.INT8) is None


def test_it_belongs_to_the_parameters_and_not_to_views_hop_or_place(copy: Path) -> None:
    listing = read_listing(copy)
    assert kept.find(listing.every(20.0), kept.FLOAT32) is not None
    plain = replace(listing, cards=tuple(replace(card, views=ORIGINAL) for card in listing.cards))
    assert kept.find(plain, kept.FLOAT32) is not None
    turned = replace(listing, cards=listing.cards[::-1])
    assert kept.find(turned, kept.FLOAT32) is None
    renamed = copy.rename(copy.with_name("moved"))
    assert kept.find(read_listing(renamed), kept.FLOAT32) is not None


@pytest.mark.parametrize("damage", ["about", "cut", "gone", "foreign", "kind", "source"])
def test_what_is_damaged_or_foreign_counts_as_absent(copy: Path, damage: str) -> None:
    folder = copy / "engines" / "fp32"
    about = json.loads((folder / "engine.json").read_text())
    if damage == "about":
        (folder / "engine.json").write_text("{")
    elif damage == "cut":
        (folder / "1.onnx").write_bytes((folder / "1.onnx").read_bytes()[:-1])
    elif damage == "gone":
        (folder / "0.onnx").unlink()
    elif damage == "foreign":
        shutil.copy(folder / "0.onnx", folder / "1.onnx")
    else:
        (folder / "engine.json").write_text(json.dumps(about | {damage: "other"}))
    assert kept.find(read_listing(copy), kept.FLOAT32) is None
    assert load_classifier(copy, Wanted("onnx")).engine.name == "onnx", "it is made anew"
    assert kept.find(read_listing(copy), kept.FLOAT32) is not None


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is read-only to this user")
def test_where_the_checkpoint_cannot_be_written_the_cache_is_used(copy: Path, tmp_path: Path) -> None:
    _kept_in_the_cache(copy, tmp_path, lambda: copy.chmod(0o555))


def test_the_cache_is_used_where_something_is_in_the_way(copy: Path, tmp_path: Path) -> None:
    _kept_in_the_cache(copy, tmp_path, lambda: (copy / "engines").write_text("a file"))


def _kept_in_the_cache(copy: Path, tmp_path: Path, lock: Callable[[], object]) -> None:
    shutil.rmtree(copy / "engines")
    lock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MYOSTREAM_CACHE", str(tmp_path / "cache"))
        listing = read_listing(copy)
        place = kept.keep(listing, kept.FLOAT32, [b"a", b"b"], {})
        assert place.is_relative_to(tmp_path / "cache")
        found = kept.find(listing, kept.FLOAT32)
        assert found is not None
        assert [file.read_bytes() for file in found.files] == [b"a", b"b"]
    assert not (copy / "engines").is_dir()


def test_what_is_there_and_of_no_use_is_said(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.loading._gpu_for_torch", lambda: False)
    listing = read_listing(copy)
    assert kept.remnant(listing, kept.INT8) is None
    kept.keep(listing, kept.INT8, [b"a", b"b"], {})
    assert kept.remnant(listing, kept.INT8) is None
    (copy / "engines" / "int8" / "0.onnx").write_bytes(b"garbage")
    assert kept.remnant(listing, kept.INT8) == copy / "engines" / "int8"
    classifier = load_classifier(copy)
    assert classifier.engine.name == "onnx"
    assert "int8 is damaged, or was made of other parameters; make it again with" in classifier.notes[0]
    with pytest.raises(ValueError, match="is damaged, or was made of other parameters"):
        load_classifier(copy, Wanted("int8"))


def test_both_places_are_looked_at(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One who cannot trust what lies beside the checkpoint may have one that was made here."""
    monkeypatch.setenv("MYOSTREAM_CACHE", str(tmp_path / "cache"))
    listing = read_listing(copy)
    shutil.copytree(copy / "engines" / "fp32", tmp_path / "cache" / "engines" / listing.source / "fp32")
    found = [one.folder for one in kept.every(listing, kept.FLOAT32)]
    assert found == [copy / "engines" / "fp32", tmp_path / "cache" / "engines" / listing.source / "fp32"]


def test_who_has_no_home_uses_what_lies_beside_the_checkpoint(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("MYOSTREAM_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    assert kept.find(read_listing(copy), kept.FLOAT32) is not None
    with pytest.raises(ValueError, match="name a folder in the environment as MYOSTREAM_CACHE"):
        cache_folder()


def test_the_exporter_does_not_mind_where_it_is_called_from(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "place" / "models").mkdir(parents=True)
    (tmp_path / "place" / "models" / "__init__.py").write_text("raise SystemExit('the wrong one')")
    shutil.rmtree(copy / "engines")
    monkeypatch.chdir(tmp_path / "place")
    assert kept.exported(read_listing(os.path.relpath(copy))).files


def test_a_failing_disk_leaves_what_was_there(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dsp.storage.write", full)
    with pytest.raises(OSError, match="No space left"):
        kept.keep(read_listing(copy), kept.FLOAT32, [b"a", b"b"], {})
    assert kept.find(read_listing(copy), kept.FLOAT32) is not None


def test_what_cannot_be_exported_gets_a_sentence(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(copy / "engines")
    monkeypatch.setattr("sys.executable", shutil.which("false") or "false")
    with pytest.raises(ValueError, match=r"could not be exported .* \(it ended with status 1 and says nothing\)"):
        kept.exported(read_listing(copy))


def test_the_exporter_is_a_program(copy: Path) -> None:
    shutil.rmtree(copy / "engines")
    program = [sys.executable, "-m", "models.engines.export"]
    made = subprocess.run([*program, str(copy)], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == str(copy / "engines" / "fp32")
    assert made.stderr == "", "not a word of PyTorch's own"
    failed = subprocess.run([*program, str(copy / "nowhere")], capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert failed.stderr.startswith("error: ")
    assert failed.stderr.count("\n") == 1
    unused = subprocess.run(program, capture_output=True, text=True, check=False)
    assert "give one checkpoint" in unused.stderr


def test_nothing_of_a_member_is_copied_into_an_ensemble(copy: Path, tmp_path: Path) -> None:
    from train.ensemble import combine  # noqa: PLC0415 - only here

    load_classifier(copy / "one", Wanted("onnx"))
    assert (copy / "one" / "engines").is_dir()
    combine([copy / "one", copy / "other"], None, tmp_path / "again")
    assert not (tmp_path / "again" / "one" / "engines").exists()
