"""All programs of a grid along x do what they did along three axes."""

from __future__ import annotations

import numpy as np
import pytest

import tilevm as tv
from tilevm.abi import KernelAbi
from tilevm.backends.ptx import backend as emulator
from tilevm.backends.vm import backend as vm
from tilevm.ir.verify import verify
from tilevm.passes import run_passes, thread_pipeline
from tilevm.passes.threads.along_x import along_x
from tilevm.runtime.arguments import read
from tilevm.text import print_func, read_func

GRIDS = [(1, 1, 1), (5, 1, 1), (1, 4, 1), (2, 3, 1), (1, 1, 3), (2, 3, 4), (3, 1, 2)]


@tv.kernel("y: i32[N, 8]")
def places(y: tv.Tensor):
    x, y_, z = tv.program_id(0), tv.program_id(1), tv.program_id(2)
    nx, ny, nz = tv.num_programs(0), tv.num_programs(1), tv.num_programs(2)
    row = x + nx * (y_ + ny * z)
    total = tv.zeros((1, 8), tv.i32)
    for i in range(0, tv.program_id(1) + 2):
        total += i + tv.program_id(2)
    for n, value in enumerate((x, y_, z, nx, ny, nz)):
        total = tv.where(tv.arange(8)[None, :] == n, value, total)
    y.store((row, 0), total)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("backend", [vm, emulator], ids=["vm", "emulator"])
def test_it_does_the_same(grid: tuple[int, int, int], backend: object) -> None:
    count = grid[0] * grid[1] * grid[2]
    y, z = np.zeros((count, 8), np.int32), np.zeros((count, 8), np.int32)
    func = places.compile(y, target="sm_80").build.optimised
    func = run_passes(func, thread_pipeline("sm_80", 4))
    backend.compile(func, KernelAbi.of(func)).launch(grid, [read(y, "y")[0]])
    flat = verify(along_x(func))
    backend.compile(flat, KernelAbi.of(flat)).launch((count, 1, 1), [read(z, "y")[0], *grid])
    assert (y == z).all() and (y[-1, :6] == [*(n - 1 for n in grid), *grid]).all()


def test_parameters_that_are_called_like_counts() -> None:
    @tv.kernel("y: i32[N, 4]")
    def own(y: tv.Tensor, programs_x, programs_z):
        y.store((tv.program_id(2), 0), tv.full((1, 4), programs_x * 100 + programs_z, tv.i32))

    y = np.zeros((3, 4), np.int32)
    func = run_passes(own.compile(y, 7, 8, target="sm_80").build.optimised, thread_pipeline("sm_80", 4))
    flat = verify(along_x(func))
    assert [p.hint for p in flat.params[1:]] == ["programs_x", "programs_z", "programs_x_", "programs_y", "programs_z_"]
    vm.compile(flat, KernelAbi.of(flat)).launch((3, 1, 1), [read(y, "y")[0], 7, 8, 1, 1, 3])
    assert (y == 708).all()


def test_the_text() -> None:
    func = read_func("""func @f(%y: ptr<i32>) warps(1, sm_80) {
  %a = program_id {axis = 1} : i32
  %n = num_programs {axis = 2} : i32
  %s = add %a, %n : i32
  %v = splat %s {shape = [1]} : i32[1]
  %t = thread_id : i32
  %o = splat %t {shape = [1]} : i32[1]
  global_store %y, %v, %o
  yield []
}""")
    head, body = print_func(along_x(func)).split("\n", 1)
    assert head.startswith("func @f(%y: ptr<i32>, %programs_x: i32, %programs_y: i32, %programs_z: i32) warps")
    assert (
        body
        == """\
  %0 = program_id {axis = 0} : i32
  %1 = floordiv %0, %programs_x : i32
  %a = mod %1, %programs_y : i32
  %s = add %a, %programs_z : i32
  %v = splat %s {shape = [1]} : i32[1]
  %t = thread_id : i32
  %o = splat %t {shape = [1]} : i32[1]
  global_store %y, %v, %o
  yield []
}
"""
    )
