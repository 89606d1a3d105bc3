from __future__ import annotations

import pytest

from dsp.complaints import one_sentence, plainly


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (ValueError("'x' has\nseven columns"), 2, "error: 'x' has seven columns\n"),
        (FileNotFoundError(2, "No such file or directory", "a.csv"), 2, "error: 'a.csv': No such file or directory\n"),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(), 0, ""),
    ],
)
def test_errors_of_the_user(capsys: pytest.CaptureFixture[str], error: BaseException, status: int, words: str) -> None:
    with pytest.raises(SystemExit) as ended, plainly():
        raise error
    assert ended.value.code == status
    assert capsys.readouterr().err == words


def test_a_defect_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), plainly():
        raise ZeroDivisionError


def test_an_error_without_words_gives_its_name() -> None:
    assert one_sentence(ValueError()) == "ValueError"
