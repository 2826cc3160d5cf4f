"""Random programs on floats, integers and bools: after the passes, native code and the reference machine agree."""

import os
from pathlib import Path
from random import Random, SystemRandom

import numpy as np
import pytest

from tests.agreement.mixed import arguments, program
from tests.conftest import TEST_ALL
from tilevm.abi import KernelAbi
from tilevm.backend import load, place
from tilevm.optional import load_file
from tilevm.passes import run_passes
from tilevm.runtime.arguments import read

EACH = 10  # programs of one test
TESTS = 400 if TEST_ALL else 10
FIRST = 0 if os.environ.get("CI") == "true" else SystemRandom().randrange(1 << 40)


@pytest.mark.parametrize("part", range(TESTS))
def test_programs_agree(part: int, tmp_path: Path) -> None:
    for number in range(EACH):
        agree(FIRST + part * EACH + number, tmp_path / f"program{number}.py")


def agree(seed: int, file: Path) -> None:
    text, of, whole = program(Random(seed))
    file.write_text(text)
    given = arguments(np.random.default_rng(seed), of, whole)
    func = run_passes(load_file(str(file)).program.compile(*given, 2, device="vm").build.tile)
    found = []
    for device in ("cpu", "vm"):
        held = [a.copy() for a in given]
        with np.errstate(all="ignore"):
            artifact = load(place(device)).compile(func, KernelAbi.of(func))
            artifact.launch((1, 1, 1), [read(v, "v")[0] for v in (*held, 2)])
        found.append(held)
    for name, a, b in zip("xkyz", *found, strict=True):
        assert same(a, b), (
            f"seed {seed}, {of}, {whole}: {name} differs at {np.argwhere(unlike(a, b))[:4].tolist()}\n{text}"
        )


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return not unlike(a, b).any()


def unlike(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Where bits differ, any NaN being as good as another."""
    bits = f"u{a.dtype.itemsize}"
    return (a.view(bits) != b.view(bits)) & ((a == a) | (b == b))
