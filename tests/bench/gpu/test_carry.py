"""A folder to carry: what is in it, that it runs by itself, and that nothing need be assembled where it goes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tilevm.backends.ptx import assemble
from tilevm.bench.gpu import carry as module
from tilevm.bench.gpu.carry import MOST, carry
from tilevm.bench.gpu.cases import PROBLEMS
from tilevm.cli import main
from tilevm.optional import load_file, optional
from tilevm.source import TileError

needs = pytest.mark.skipif(
    optional("torch") is None or not assemble.at_hand(), reason="torch or an assembler of PTX is missing"
)
FEW = "vector add"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("to") / "carried"
    found = carry(made, only=FEW)
    assert found.kernels == len({p.name for p in PROBLEMS if FEW in p.name}) and found.size < MOST
    assert {"lark", "click", "rich"} <= set(found.packages) and {"numpy", "llvmlite"} <= set(found.machine)
    return made


@needs
def test_nothing_compiled_goes_along_but_machine_code_of_the_card(folder: Path) -> None:
    assert not [path for path in folder.rglob("*") if path.suffix in (".so", ".pyc")]
    assert (folder / "checkout" / "tilevm" / "backends").readlink() == Path("..") / "backends"
    assert len(list((folder / "cubins").iterdir())) == 2


@needs
def test_its_script_runs_every_case_from_anywhere(folder: Path, tmp_path: Path) -> None:
    """The checkout in the folder is what runs, by a Python that has not got it installed elsewhere on its path."""
    moved, out = tmp_path / "elsewhere", tmp_path / "out"
    shutil.copytree(folder, moved, symlinks=True)
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "PYTHON": sys.executable,
        "OUT": str(out),
        "ONLY": "hadamard",
    }
    done = subprocess.run([moved / "run.sh", "dry"], capture_output=True, text=True, env=env, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr + (out / "dry.log").read_text()
    assert "cases: 1, failed: 0, left out: 0" in (out / "dry.log").read_text()
    assert (out / "dry.md").read_text().startswith("A dry run on the CPU")
    assert (folder / "commit").read_text().strip() in (out / "dry.md").read_text()


@needs
def test_code_of_the_folder_is_not_assembled_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILEVM_CUBINS", str(folder / "cubins"))
    monkeypatch.setattr(assemble, "assembled", refuses)
    moved = load_file(str(folder / "checkout" / "examples" / "vector_add.py"))
    x = np.empty(1 << 20, np.float32)
    text = moved.vector_add.compile(x, x, x, BLOCK=2048, target="sm_80").stages["ptx"]
    assert assemble.assemble(text, "sm_90").cubin.startswith(b"\x7fELF")
    with pytest.raises(AssertionError, match="assembles"):
        assemble.assemble(text, "sm_80")


def refuses(*args: object) -> None:
    raise AssertionError("assembles")


@needs
def test_its_tests_are_collected(folder: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(folder / "checkout")}
    words = ["-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider", "--collect-only", "tests/examples"]
    run = subprocess.run([sys.executable, *words], capture_output=True, text=True, env=env, cwd=folder / "checkout")
    assert run.returncode == 0 and "cuda:0" in run.stdout, run.stdout + run.stderr


def test_packages_that_are_missing_come_after_what_is_there(tmp_path: Path) -> None:
    shutil.copy(Path(module.ROOT) / "benchmarks" / "carried" / "missing.py", tmp_path)
    for name in ("numpy", "no-such-package"):
        (tmp_path / "packages" / name).mkdir(parents=True)
    done = subprocess.run([sys.executable, tmp_path / "missing.py"], capture_output=True, text=True, check=True)
    assert done.stdout == f":{tmp_path / 'packages' / 'no-such-package'}"


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    done = CliRunner().invoke(main, ["bench", "carry", "-o", str(tmp_path)])
    assert done.exit_code == 1 and "is not empty" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_no_checkout_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROOT", tmp_path)
    with pytest.raises(TileError, match="is no checkout of tilevm: it has no tilevm"):
        carry(tmp_path / "new")


@needs
def test_too_large_a_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 1000)
    monkeypatch.setattr(module, "copy_package", lambda held, to: True)
    with pytest.raises(TileError, match="bytes, and 1000 are the most"):
        carry(tmp_path / "new", only="no such case")


@needs
def test_the_setting_of_the_environment_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    visited: list[str] = []
    for before in (None, "mine"):
        monkeypatch.delenv("TILEVM_CUBINS", raising=False)
        if before:
            monkeypatch.setenv("TILEVM_CUBINS", before)
        run: Callable[..., int] = module.assemble_all
        assert run(tmp_path / "cubins", "sm_80", "sm_90", FEW, PROBLEMS, visited.append) == 2
        assert os.environ.get("TILEVM_CUBINS") == before
    assert visited[0] == "vector add float32 2^27" and visited[1].startswith("  vector_add: ")
