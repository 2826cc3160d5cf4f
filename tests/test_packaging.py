"""The wheel holds what the tree holds."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("tilevm", "frontend", "backends")
FILES = ("pyproject.toml", "LICENSE", "README.md")
BY_PRODUCTS = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")

pytestmark = pytest.mark.skipif(
    not (find_spec("pip") and find_spec("setuptools")), reason="building a wheel needs pip and setuptools"
)


def files_under(folder: Path) -> Iterator[str]:
    """Relative names of all files, those behind links too."""
    for parent, _, names in os.walk(folder, followlinks=True):
        yield from ((Path(parent) / name).relative_to(folder).as_posix() for name in names)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean copy of the sources: what earlier builds left in the checkout must not leak into the wheel."""
    copy = tmp_path_factory.mktemp("packaging") / "tree"
    copy.mkdir()
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, copy / folder, symlinks=True, ignore=BY_PRODUCTS)
    for name in filter(lambda name: (ROOT / name).exists(), FILES):
        shutil.copy(ROOT / name, copy)
    return copy


@pytest.fixture(scope="module")
def wheel(tree: Path) -> Path:
    build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", "dist", "."]
    run = subprocess.run([sys.executable, "-m", "pip", *build], cwd=tree, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    [path] = (tree / "dist").glob("*.whl")
    return path


def test_the_wheel_holds_what_the_tree_holds(tree: Path, wheel: Path) -> None:
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == {f"tilevm/{name}" for name in files_under(tree / "tilevm")}
    assert {"tilevm/py.typed", "tilevm/__init__.pyi", "tilevm/frontend/__init__.py"} <= packed


def test_the_wheel_names_its_command_and_its_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name.partition(".dist-info/")[2]: name for name in archive.namelist()}
        assert "tilevm = tilevm.cli:main" in archive.read(names["entry_points.txt"]).decode()
        assert "licenses/LICENSE" in names
