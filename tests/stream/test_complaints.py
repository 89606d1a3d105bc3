from __future__ import annotations

import sys

import pytest

from dsp.complaints import INSTALL, one_sentence, plainly, tell


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (ValueError("'x' has\nseven columns"), 2, "error: 'x' has seven columns\n"),
        (
            FileNotFoundError(2, "No such file or directory", "a.csv"),
            2,
            "error: 'a.csv' cannot be used: No such file or directory; "
            "choose another path, or see who may read and write there\n",
        ),
        (ValueError("there is no 'left\x1b[2J arm é'"), 2, "error: there is no 'left?[2J arm é'\n"),
        (OSError(28, "No space left on device"), 2, "error: No space left on device\n"),
        (MemoryError(), 2, "error: the memory does not suffice; give it less at once\n"),
        (
            ModuleNotFoundError("No module named 'torch'", name="torch"),
            2,
            f"error: torch is not installed for {sys.executable}; {INSTALL}\n",
        ),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(), 0, ""),
    ],
)
def test_errors_of_the_user(capsys: pytest.CaptureFixture[str], error: BaseException, status: int, words: str) -> None:
    with pytest.raises(SystemExit) as ended, plainly():
        raise error
    assert ended.value.code == status
    assert capsys.readouterr().err == words


def test_a_library_that_is_interrupted_while_it_loads_is_not_broken(capsys: pytest.CaptureFixture[str]) -> None:
    def load() -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise ImportError("initialization failed") from error

    with pytest.raises(SystemExit) as ended, plainly():
        load()
    assert ended.value.code == 130
    assert capsys.readouterr().err == ""
    with pytest.raises(ImportError, match="really"), plainly():
        raise ImportError("really broken")


def test_a_full_disk_behind_stderr_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, _: str) -> int:
            raise OSError(28, "No space left on device")

        def flush(self) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("sys.stderr", Full())
    tell("nobody hears this")


def test_a_defect_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), plainly():
        raise ZeroDivisionError


def test_a_missing_part_of_ours_is_a_defect() -> None:
    with pytest.raises(ModuleNotFoundError), plainly():
        raise ModuleNotFoundError("No module named 'dsp.sums'", name="dsp.sums")


def test_an_error_without_words_gives_its_name() -> None:
    assert one_sentence(ValueError()) == "ValueError"
