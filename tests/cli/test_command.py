"""The command as a user types it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tilevm.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples"
MATMUL = f"{EXAMPLES / 'matmul.py'}:matmul"


def tilevm(*words: str, status: int = 0) -> str:
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == status, (done.output, done.exception)
    return done.output


def test_run_a_script() -> None:
    tilevm("run", str(EXAMPLES / "vector_add.py"))


def test_run_a_kernel_and_check_it() -> None:
    out = tilevm("run", MATMUL, "M=40", "N=50", "K=60", "T=f16", "BM=32", "--check")
    assert "largest difference from the reference machine" in out


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
    ],
)
def test_mistakes_end_in_a_page(words: tuple[str, ...], message: str) -> None:
    assert message in tilevm(*words, status=1)


def test_targets_and_doctor() -> None:
    assert "vm" in tilevm("targets")
    found = {f["name"]: f for f in json.loads(tilevm("doctor", "--json"))}
    assert found["llvmlite"]["found"]
    assert set(found["torch"]) == {"name", "found", "without"}
