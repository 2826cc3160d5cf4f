"""Random programs: the CPU, the reference machine and Python itself agree."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random, SystemRandom

import numpy as np
import pytest

from tests.agreement.plain import run_plainly
from tests.agreement.programs import COLUMNS, ROWS, write
from tests.conftest import TEST_ALL
from tilevm.abi import KernelAbi
from tilevm.backend import load, place
from tilevm.frontend.trace import trace
from tilevm.optional import load_file
from tilevm.passes import run_passes
from tilevm.runtime.arguments import read
from tilevm.types import Dim, Scalar, Tensor, Type, i32

TENSOR = Tensor(i32, (Dim(size=ROWS), Dim(size=COLUMNS)), (COLUMNS, 1))
TYPES: dict[str, Type] = {"x": TENSOR, "y": TENSOR, "n": Scalar(i32)}
CHUNKS = 20
EACH = 5000 if TEST_ALL else 50
BASE = "" if os.environ.get("CI") == "true" else f"{SystemRandom().randrange(2**32)}-"


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_integer_programs_agree(chunk: int, tmp_path: Path) -> None:
    for number in range(EACH):
        seed = f"{BASE}{chunk}-{number}"
        agree(seed, tmp_path / f"program_{number}.py")


def agree(seed: str, path: Path) -> None:
    """One program on the inputs that its seed gives."""
    source, random = write(seed), Random(f"{seed} inputs")
    path.write_text(source)
    func = run_passes(trace(load_file(str(path)).kernel.__wrapped__, TYPES, {}))
    x = np.array([[value(random) for _ in range(COLUMNS)] for _ in range(ROWS)], np.int32)
    n = random.choice((random.randint(-4, 7), value(random)))
    expected = run_plainly(source, x.T.tolist(), n)
    for device in ("cpu", "vm"):
        y = np.zeros_like(x)
        artifact = load(place(device)).compile(func, KernelAbi.of(func))
        artifact.launch((1, 1, 1), [read(v, "v")[0] for v in (x, y, n)])
        assert y.tolist() == expected, f"{device} differs, seed {seed!r}, n = {n}\n{source}"


def value(random: Random) -> int:
    """Any 32-bit number; small ones and extremes often."""
    kinds = (random.randint(-(2**31), 2**31 - 1), random.choice((-(2**31), 2**31 - 1, 0, -1)), random.randint(-9, 9))
    return random.choice((*kinds, kinds[-1]))
