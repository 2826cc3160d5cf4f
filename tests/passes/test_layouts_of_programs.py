"""Random programs: their tiles get layouts that fit together, and the machine gives the same answers."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest

from tests.agreement.mixed import arguments as mixed_arguments, program as mixed
from tests.agreement.tiles import HEAD, ROWS, program as tiles
from tests.conftest import TEST_ALL
from tilevm.abi import KernelAbi
from tilevm.backend import Array, load, place
from tilevm.frontend.kernel import Kernel
from tilevm.ir import Func
from tilevm.ir.verify import verify
from tilevm.optional import load_file
from tilevm.passes import PIPELINE, run_passes
from tilevm.passes.layouts.assign import assign
from tilevm.passes.layouts.room import room
from tilevm.passes.layouts.verify import verify_layouts
from tilevm.runtime.arguments import read
from tilevm.target import target
from tilevm.text import print_func, read_func

TESTS = 200 if TEST_ALL else 5
EACH = 10
MACHINES = [("sm_80", 4), ("sm_80", 1), ("sm_90a", 8), ("gfx942", 4), ("gfx950", 2)]


def laid_out(func: Func, number: int) -> Func:
    """``func`` for some machine, after checking everything that can be checked of its layouts."""
    name, warps = MACHINES[number % len(MACHINES)]
    found = verify_layouts(verify(assign(func, target(name), warps)), room(target(name), warps))
    assert print_func(read_func(print_func(found))) == print_func(found)
    return found


def run(func: Func, values: list[object]) -> list[np.ndarray]:
    """What the reference machine leaves in the arrays."""
    copies = [v.copy() if isinstance(v, np.ndarray) else v for v in values]
    arguments = [read(v, "v")[0] for v in copies]
    load(place("vm")).compile(func, KernelAbi.of(func)).launch((1, 1, 1), arguments)
    assert any(isinstance(a, Array) for a in arguments)
    return [v for v in copies if isinstance(v, np.ndarray)]


def check(kernel: Kernel, values: list[object], number: int, text: str) -> None:
    func = run_passes(kernel.compile(*values, device="vm").build.tile, PIPELINE)
    before, after = run(func, values), run(laid_out(func, number), values)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, after, strict=True)), text


@pytest.mark.parametrize("part", range(TESTS))
def test_programs_on_tiles(part: int, tmp_path: Path) -> None:
    for number in range(part * EACH, (part + 1) * EACH):
        text = HEAD + tiles(number, Random(number))
        file = tmp_path / f"program{number}.py"
        file.write_text(text)
        kernel = getattr(load_file(str(file)), f"program{number}")
        x = np.random.default_rng(number).integers(-9, 10, (20, 17)).astype(np.int32)
        check(kernel, [x, np.zeros((4 * ROWS + 2, ROWS), np.int32), 2], number, text)


@pytest.mark.parametrize("part", range(TESTS))
def test_programs_of_many_kinds(part: int, tmp_path: Path) -> None:
    for number in range(part * EACH, (part + 1) * EACH):
        text, of, whole = mixed(Random(number))
        file = tmp_path / f"program{number}.py"
        file.write_text(text)
        values = mixed_arguments(np.random.default_rng(number), of, whole)
        check(load_file(str(file)).program, [*values, 2], number, text)
