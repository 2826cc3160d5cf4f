"""The golden fixture itself."""

from collections.abc import Callable
from pathlib import Path

import pytest

Golden = Callable[[str | Path, str], None]


@pytest.fixture
def updating(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


def test_equal_text_passes_whatever_newlines_end_it(golden: Golden, tmp_path: Path) -> None:
    path = tmp_path / "kernel.txt"
    path.write_text("one\ntwo\n")
    golden(path, "one\ntwo")
    golden(path, "one\ntwo\n\n")


def test_a_difference_is_shown(golden: Golden, updating: bool, tmp_path: Path) -> None:
    path = tmp_path / "kernel.txt"
    path.write_text("one\ntwo\n")
    if updating:
        golden(path, "one\n2")
        assert path.read_text() == "one\n2\n"
        return
    with pytest.raises(pytest.fail.Exception, match=r"(?s)--update-golden.*-two.*\+2"):
        golden(path, "one\n2")


def test_a_missing_file_is_named(golden: Golden, updating: bool, tmp_path: Path) -> None:
    path = tmp_path / "deeper" / "kernel.txt"
    if updating:
        golden(path, "one")
        assert path.read_text() == "one\n"
        return
    with pytest.raises(pytest.fail.Exception, match="does not exist"):
        golden(path, "one")
