"""The command as a user types it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tilevm.cli import main
from tilevm.cli.command import apart

EXAMPLES = Path(__file__).parents[2] / "examples"
MATMUL = f"{EXAMPLES / 'matmul.py'}:matmul"


def tilevm(*words: str, status: int = 0) -> str:
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == status, (done.output, done.exception)
    return done.output


def test_run_a_script() -> None:
    script = EXAMPLES / "vector_add.py"
    done = subprocess.run([sys.executable, "-m", "tilevm", "run", str(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("vector_add on") == 2


def test_run_a_kernel_and_check_it() -> None:
    out = tilevm("run", MATMUL, "M=40", "N=50", "K=60", "T=f16", "BM=32", "--check")
    assert "largest difference from the reference machine" in out
    assert "float16[40, 60]" in out and "float32" not in out


@pytest.mark.parametrize(
    ("found", "expected", "distance"),
    [
        ([1.0, np.nan, np.inf], [1.0, np.nan, np.inf], 0.0),
        ([1.0, np.nan], [1.0, 2.0], np.inf),
        ([1.0, 2.0], [1.0, np.nan], np.inf),
        ([np.inf], [-np.inf], np.inf),
        ([3.0, -np.inf], [4.0, -np.inf], 0.25),
        ([], [], 0.0),
    ],
)
def test_how_far_two_machines_are_apart(found: list[float], expected: list[float], distance: float) -> None:
    assert apart(np.array(found), np.array(expected)) == distance


@pytest.mark.parametrize("name", ["fold", "cse", "hoist", "fma", "bounds", "dce"])
def test_print_after_each_pass(name: str) -> None:
    assert tilevm("print", MATMUL, "--after", name).startswith("func @matmul(")


@pytest.mark.parametrize(("stage", "word"), [("tile", "func @"), ("llvm", "define"), ("asm", ".text")])
def test_print_a_stage(stage: str, word: str) -> None:
    assert word in tilevm("print", MATMUL, "--stage", stage)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("print", "nowhere.py:k"), "there is no file nowhere.py"),
        (("print", f"{EXAMPLES / 'matmul.py'}:matmull"), "did you mean matmul?"),
        (("print", MATMUL, "--after", "fuse"), "no pass is called 'fuse'"),
        (("run", MATMUL, "M"), "'M' is not NAME=VALUE"),
        (("run", MATMUL, "Q=3"), "has no dim or constant Q"),
        (("run", MATMUL, "T=f23"), "no number type is called 'f23'"),
        (("run", MATMUL, "--device", "cpi"), "did you mean 'cpu'?"),
        (("run", MATMUL, "M=-3"), "the extent M is -3"),
        (("run", MATMUL, "M=many"), "the extent M is 'many'"),
        (("run", MATMUL, "M=1.5"), "the extent M is 1.5"),
    ],
)
def test_mistakes_end_in_a_page(words: tuple[str, ...], message: str) -> None:
    assert message in tilevm(*words, status=1)


def test_targets_and_doctor() -> None:
    assert "vm" in tilevm("targets")
    found = {f["name"]: f for f in json.loads(tilevm("doctor", "--json"))}
    assert found["llvmlite"]["found"]
    assert set(found["torch"]) == {"name", "found", "without"}


def test_tensors_too_large_to_make_up_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "wide.py"
    file.write_text(
        'import tilevm as tv\n\n\n@tv.kernel("x: f32[_, _, _, _]", grid=lambda **_: 1)\n'
        "def wide(x: tv.Tensor):\n    x.store((0, 0, 0, 0), x.load((0, 0, 0, 0), (1, 1, 1, 8)))\n"
    )
    assert "256 x 256 x 256 x 256 is too large to make up" in tilevm("run", str(file) + ":wide", status=1)
