"""No pass changes the answer of an example, and none of them depends on the order of its programs."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from tilevm.cli import main
from tilevm.frontend.kernel import Kernel
from tilevm.optional import load_file

EXAMPLES = Path(__file__).parents[2] / "examples"
SMALL = {  # words that keep the machine's runs short
    "vector_add": "N=20001",
    "softmax": "M=5 N=77 BLOCK=128",
    "matmul": "M=50 N=37 K=70 BM=32 BN=16 BK=32",
}
KERNELS = [
    f"{path.name}:{name}"
    for path in sorted(EXAMPLES.glob("*.py"))
    if path.stem != "demo"
    for name, held in vars(load_file(str(path))).items()
    if isinstance(held, Kernel)
]


@pytest.mark.parametrize("where", KERNELS)
def test_every_pass_keeps_the_answer(where: str) -> None:
    words = SMALL.get(where.partition(":")[2], "").split()
    done = CliRunner().invoke(main, ["check", f"{EXAMPLES / where}", *words, "--every-pass", "--device", "cpu"])
    assert done.exit_code == 0, done.output


def test_all_examples_are_found() -> None:
    assert {where.partition(":")[2] for where in KERNELS} >= set(SMALL)
