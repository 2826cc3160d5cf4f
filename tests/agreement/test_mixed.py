"""Random programs on floats, integers and bools: after the passes, all machines agree."""

import os
from pathlib import Path
from random import Random, SystemRandom

import numpy as np
import pytest

from tests.agreement.mixed import arguments, program
from tests.conftest import TEST_ALL
from tests.devices import EVERYWHERE, QUICK, TILES, goes_round, on
from tilevm.abi import KernelAbi
from tilevm.backend import load, place
from tilevm.driver import choose, compile_func
from tilevm.ir import Func
from tilevm.optional import load_file
from tilevm.passes import run_passes
from tilevm.runtime.arguments import read

EACH = 10  # programs of one test
THREADED = 1  # of them run as threads too
TESTS = 400 if TEST_ALL else 10
FIRST = 0 if os.environ.get("CI") == "true" else SystemRandom().randrange(1 << 40)


@goes_round
@pytest.mark.parametrize("part", range(TESTS))
def test_programs_agree(part: int, tmp_path: Path) -> None:
    for number in range(EACH):
        machines = EVERYWHERE if number < THREADED else QUICK
        agree(FIRST + part * EACH + number, tmp_path / f"program{number}.py", machines)


def agree(seed: int, file: Path, machines: tuple[str, ...]) -> None:
    text, of, whole = program(Random(seed))
    file.write_text(text)
    given = arguments(np.random.default_rng(seed), of, whole)
    traced = load_file(str(file)).program.compile(*given, 2, device="vm").build.tile
    first, *rest = (left(traced, given, machine) for machine in machines)
    for machine, found in zip(machines[1:], rest, strict=True):
        for name, a, b in zip("xkyz", first, found, strict=True):
            where = np.argwhere(unlike(a, b))[:4].tolist()
            assert not where, f"seed {seed}, {of}, {whole}: {name} differs on {machine} at {where}\n{text}"


def left(traced: Func, given: list[np.ndarray], machine: str) -> list[np.ndarray]:
    """What a program leaves in its arrays. On tiles both machines run what the passes made."""
    held = [a.copy() for a in given]
    if machine in TILES:
        func = run_passes(traced)
        artifact = load(place(machine)).compile(func, KernelAbi.of(func))
    else:
        how = on(machine)
        artifact = compile_func(traced, choose(how["device"], how.get("target"))).artifact
    with np.errstate(all="ignore"):
        artifact.launch((1, 1, 1), [read(v, "v")[0] for v in (*held, 2)])
    return held


def unlike(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Where bits differ, any NaN being as good as another."""
    bits = f"u{a.dtype.itemsize}"
    return (a.view(bits) != b.view(bits)) & ((a == a) | (b == b))
