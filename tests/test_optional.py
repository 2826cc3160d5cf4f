"""Optional packages: absent, present, broken, already loaded."""

import sys
from pathlib import Path

import pytest

from tilevm.optional import loaded, optional, require
from tilevm.source import TileError


def test_what_is_installed_is_loaded_once() -> None:
    assert optional("json") is sys.modules["json"]
    assert require("json.decoder", why="this test") is sys.modules["json.decoder"]


def test_what_is_not_installed_is_none() -> None:
    assert optional("tilevm_has_no_such_friend") is None
    assert optional("tilevm_has_no_such_friend.inside") is None
    assert optional("json.no_such_part") is None


def test_a_required_package_comes_with_the_mend() -> None:
    with pytest.raises(TileError) as caught:
        require("tilevm_has_no_such_friend.inside", why="a torch op", extra="torch")
    assert caught.value.message == "a torch op needs tilevm_has_no_such_friend, which is not installed"
    assert caught.value.help == 'pip install "tilevm[torch]"'
    with pytest.raises(TileError) as caught:
        require("tilevm_has_no_such_friend.inside", why="a comparison")
    assert caught.value.help == "pip install tilevm_has_no_such_friend"


@pytest.mark.parametrize(
    "body",
    ["import tilevm_has_no_such_friend", "raise ImportError('its libfriend.so is too old')", "raise OSError('no lib')"],
    ids=["lacks_a_dependency", "import_error", "library_error"],
)
def test_a_broken_package_is_not_passed_over(
    body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    name = f"tilevm_broken_friend_{request.node.callspec.id}"
    (tmp_path / f"{name}.py").write_text(body)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(TileError, match="is installed, but importing"):
        optional(name)


def test_asking_what_is_loaded_imports_nothing() -> None:
    sys.modules.pop("this", None)
    assert loaded("this") is None
    assert "this" not in sys.modules
    assert loaded("sys") is sys
