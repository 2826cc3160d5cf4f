"""What nothing can come of is not asked: masks that always hold, and buffers that nobody reads."""

from __future__ import annotations

from typing import Any

import pytest

import tilevm as tv
from tests.ptx.mutation.kernels import matmul
from tilevm.ir import Func, ops
from tilevm.ir.rewrite import walk
from tilevm.ir.threads import SharedBuffer, SharedStore
from tilevm.ir.verify import verify
from tilevm.text import read_func

THERE: dict[str, Any] = {"device": "emulator", "target": "sm_80", "num_warps": 2}


@tv.kernel(grid=lambda M, **_: M)
def ordered(x: tv.Tensor, y: tv.Tensor, BLOCK: tv.constexpr) -> None:
    y.store((tv.program_id(0), 0), tv.sort(x.load((tv.program_id(0), 0), (1, BLOCK))))


@tv.kernel(grid=lambda M, **_: M)
def largest(x: tv.Tensor, y: tv.Tensor, BLOCK: tv.constexpr, K: tv.constexpr) -> None:
    y.store((tv.program_id(0), 0), tv.topk(x.load((tv.program_id(0), 0), (1, BLOCK)), K)[0])


def threads_of(kernel: Any, signature: str, **constants: int) -> Func:
    return verify(read_func(kernel.compile(signature, **constants, **THERE).stages["thread"]))


def test_a_whole_line_in_order_has_a_place_for_each_element() -> None:
    func = threads_of(ordered, "x: i32[M, N], y: i32[M, N]", BLOCK=64)
    stores = [op for op in walk(func.body) if isinstance(op, SharedStore)]
    assert [op.mask for op in stores] == [None, None]  # the line, and the line in order; no places are kept
    assert sum(isinstance(op, SharedBuffer) for op in walk(func.body)) == 2


def test_the_first_of_a_line_leave_out_others() -> None:
    func = threads_of(largest, "x: i32[M, N], y: i32[M, N]", BLOCK=64, K=4)
    assert any(op.mask is not None for op in walk(func.body) if isinstance(op, SharedStore))


SHAPES = "a: f16[M, {k}]{{align=16}}, b: f16[{k}, N%8]{{align=16}}, c: f32[M, N]"


@pytest.mark.parametrize(("k", "asked"), [("K%8", 0), ("K%16", 1)], ids=["masked", "inside"])
def test_a_trip_that_does_not_come_is_asked_for_where_no_mask_tells(k: str, asked: int) -> None:
    """Tensors that end where the loop does have nothing to copy after it; accesses that lie inside have no masks."""
    func = threads_of(matmul, SHAPES.format(k=k), BK=16)
    [loop] = [op for op in walk(func.body) if isinstance(op, ops.For)]
    left = [op for op in loop.body.ops if isinstance(op, ops.Sub) and op.b is loop.body.params[0]]
    assert len(left) == asked
