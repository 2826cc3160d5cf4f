"""Offsets of 32 bits: where they are taken, that they reach the same elements, and what would go wrong elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.lib.stride_tricks import as_strided

import tilevm as tv
from tests.conftest import Golden
from tests.machines import THREADS
from tilevm.frontend.kernel import Kernel
from tilevm.ir import Func
from tilevm.ir.rewrite import walk
from tilevm.ir.threads import GlobalAccess
from tilevm.passes.pipeline import every_pass, through
from tilevm.passes.threads.reach import offset_type
from tilevm.runtime.compiled import Compiled
from tilevm.source import TileError
from tilevm.text import print_func, read_func
from tilevm.types import SMALL, DType, Pointer, Tensor, i32, i64, is_small, u8

HERE = Path(__file__).parent
MIDDLE = 2**31 + 2**22


@pytest.fixture(scope="module")
def memory() -> Iterator[np.ndarray]:
    """More than 32 bits tell, of which what nobody touches is nowhere. It does not stay, as code that LLVM lays out
    beside it might come to lie farther from its constants than it can reach."""
    yield np.zeros(2 * MIDDLE, np.uint8)


@dataclass(frozen=True)
class View:
    """A tensor whose element 0 is in the middle of a memory, its neighbours so many bytes apart."""

    kind: str
    shape: tuple[int, int]
    pitches: tuple[int, int]

    def of(self, memory: np.ndarray) -> np.ndarray:
        begin = memory[MIDDLE : MIDDLE + np.dtype(self.kind).itemsize].view(self.kind)
        found = as_strided(begin, self.shape, self.pitches)
        found[...] = np.arange(1, found.size + 1).reshape(self.shape) % 120
        return found


@tv.kernel("x: T[M, N], y: T[R, C]", grid=1)
def loaded(x: tv.Tensor, y: tv.Tensor, m: tv.constexpr, n: tv.constexpr) -> None:
    y.store((0, 0), x.load((m, n), (4, 64)))


@tv.kernel("x: T[M, N], y: T[R, C]", grid=1)
def stored(x: tv.Tensor, y: tv.Tensor, m: tv.constexpr, n: tv.constexpr) -> None:
    x.store((m, n), y.load((0, 0), (4, 64)) - 1)


@tv.kernel("x: T[M, N], y: T[R, C]", grid=1)
def gathered(x: tv.Tensor, y: tv.Tensor, m: tv.constexpr, n: tv.constexpr) -> None:
    row, column = tv.arange(4)[:, None] + m + tv.zeros((4, 64), tv.i32), tv.arange(64)[None, :] + n
    column = column + tv.zeros((4, 64), tv.i64)
    mask = (row >= 0) & (row < x.shape[0]) & (column >= 0) & (column < x.shape[1])
    y.store((0, 0), x.gather((row, column), mask=mask))


@tv.kernel("x: T[M, N], y: T[R, C]", grid=1)
def in_a_loop(x: tv.Tensor, y: tv.Tensor, m: tv.constexpr, n: tv.constexpr) -> None:
    """Rows below 0 come first, so what the loop adds up begins outside the tensor."""
    for row in range(4):
        y.store((row, 0), x.load((row + m, n), (1, 64)))


def window(x: np.ndarray, m: int, n: int) -> np.ndarray:
    """4 x 64 elements from (m, n) on, 0 where there are none."""
    found = np.zeros((4, 64), x.dtype)
    for row in range(max(m, 0), min(m + 4, x.shape[0])):
        for column in range(max(n, 0), min(n + 64, x.shape[1])):
            found[row - m, column - n] = x[row, column]
    return found


@st.composite
def tensors(draw: Any, kinds: tuple[str, ...] = ("u1", "i2", "f4")) -> View:
    """Rows that go forth or back, of which the last is often just as far from the first as 32 bits tell, or farther."""
    kind = np.dtype(draw(st.sampled_from(kinds)))
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 80))
    step = draw(st.sampled_from([1, 2, -1])) * kind.itemsize
    far = draw(st.sampled_from([SMALL, SMALL + 4, SMALL - 4, 2**31, 2**31 + 4096, 2**30, 4096, 0]))
    pitch = max(far - abs(step) * (columns - 1), 0) // max(rows - 1, 1) // kind.itemsize * kind.itemsize
    return View(kind.str, (rows, columns), (pitch * draw(st.sampled_from([1, -1])), step))


PLACES = {"m": st.integers(-3, 3), "n": st.sampled_from([-70, -3, 0, 5, 64])}


@pytest.mark.parametrize("kernel", [loaded, gathered, in_a_loop], ids=["load", "gather", "loop"])
@pytest.mark.parametrize("target", THREADS)
@given(view=tensors(), **PLACES)
def test_the_same_elements_are_read(
    kernel: Kernel, target: str, memory: np.ndarray, view: View, m: int, n: int
) -> None:
    x = view.of(memory)
    y = np.zeros((4, 64), x.dtype)
    kernel(x, y, m=m, n=n, device="vm", target=target)
    assert (y == window(x, m, n)).all()


@pytest.mark.parametrize("target", THREADS)
@given(view=tensors(("f8",)), **PLACES)  # the machine notes who writes to which element
def test_the_same_elements_are_written(target: str, memory: np.ndarray, view: View, m: int, n: int) -> None:
    x = view.of(memory)
    before, inside = x.copy(), window(np.ones(x.shape), m, n)
    stored(x, np.zeros((4, 64)), m=m, n=n, device="vm", target=target, num_warps=1)
    assert (window(x, m, n) == -inside).all()
    places = np.arange(x.shape[0])[:, None] * x.strides[0] + np.arange(x.shape[1]) * x.strides[1]  # rows may overlap
    assert {*places[x != before]} <= {*(window(places + 1, m, n) - 1)[inside > 0]}


# which width they have ----------------------------------------------------------------------------------------


def lowered(compiled: Compiled, target: str = "sm_80") -> Func:
    return through(compiled.build.tile, "tidy", every_pass(target, 4))


def widths(func: Func, memory: str = "x") -> set[DType]:
    """The types of the offsets into a parameter."""
    ops = (op for op in walk(func.body) if isinstance(op, GlobalAccess))
    return {op.offsets.type.dtype for op in ops if op.memory.hint == memory}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("pitch", "small"),
    [(SMALL - 63, True), (SMALL - 62, False), (63 - SMALL, True), (62 - SMALL, False), (2**40, False), (0, True)],
)
@pytest.mark.parametrize("target", THREADS)
def test_the_farthest_byte_decides(pitch: int, small: bool, target: str) -> None:
    """Of 2 x 64 bytes: a row that lies one byte farther takes 64 bits."""
    x = as_strided(np.zeros(1, np.uint8), (2, 64), (pitch, 1))
    for kernel in (loaded, gathered):
        y = np.zeros((4, 64), np.uint8)
        func = lowered(kernel.compile(x, y, m=0, n=0, device="vm", target=target), target)
        assert widths(func) == {i32 if small else i64} and widths(func, "y") == {i32}


@given(
    st.sampled_from(["u1", "i2", "f4", "f8"]),
    st.lists(st.tuples(st.integers(0, 2**31), st.integers(-(2**31), 2**31)), max_size=4),
    st.sampled_from([1, 2**-8, 2**-20, 2**-31]),
)
def test_small_ones_reach_no_farther(kind: str, axes: list[tuple[int, int]], by: float) -> None:
    """Exactly where all strides are of one sign, and never farther."""
    extents = [int(extent * by) for extent, _ in axes]
    strides = [stride for _, stride in axes]
    dtype = tv.dtype({"u1": "u8", "i2": "i16", "f4": "f32", "f8": "f64"}[kind])
    ends = [(extent - 1) * stride for extent, stride in zip(extents, strides, strict=True) if extent > 1]
    forth, back = sum(e for e in ends if e > 0), sum(e for e in ends if e < 0)
    farthest = max(forth, -back) * dtype.bits // 8
    small = is_small(dtype, extents, strides)
    assert farthest <= SMALL or not small
    assert small is (farthest <= SMALL) or (forth and back)


FAR = SMALL // 4  # elements of f32
CASES = [  # a tensor, the largest indices that are known, whether 32 bits do
    ("tensor<f32[M, N], strides=[_, 1], small>", (None, None), True),
    ("tensor<f32[M, N], strides=[_, 1]>", (None, None), False),
    ("tensor<f32[M], strides=[1]>", (None,), False),
    ("tensor<f32[M], strides=[1]>", (FAR,), True),
    ("tensor<f32[M], strides=[1]>", (FAR + 1,), False),
    ("tensor<f32[64, 64], strides=[64, 1]>", (None, None), True),
    (f"tensor<f32[{FAR + 1}], strides=[1]>", (None,), True),
    (f"tensor<f32[{FAR + 2}], strides=[1]>", (None,), False),
    (f"tensor<f32[{FAR + 2}], strides=[1]>", (FAR,), True),
    (f"tensor<f32[2, 5], strides=[{FAR - 4}, -1]>", (None, None), True),
    (f"tensor<f32[2, 5], strides=[{4 - FAR}, 1]>", (None, None), True),
    (f"tensor<f32[2, 5], strides=[{3 - FAR}, 1]>", (None, None), False),
    ("tensor<f32[1, 64], strides=[_, 1]>", (None, None), True),
    ("tensor<f32[2, 64], strides=[_, 1]>", (None, None), False),
    ("tensor<f32[M, 64], strides=[_, 1]>", (0, None), True),
    ("tensor<f32[0, 64], strides=[64, 1]>", (None, None), True),
    (f"tensor<u4[{SMALL + 1}], strides=[1], packed>", (None,), True),
    (f"tensor<u4[{SMALL + 2}], strides=[1], packed>", (None,), False),
    (f"tensor<f64[{SMALL // 8 + 1}], strides=[1]>", (None,), True),
    (f"tensor<f64[{SMALL // 8 + 2}], strides=[1]>", (None,), False),
]


@pytest.mark.parametrize(("text", "most", "reaches"), CASES)
def test_what_is_known_decides(text: str, most: tuple[int | None, ...], reaches: bool) -> None:
    kind = read_func(f"func @f(%x: {text}) {{\n  yield []\n}}").params[0].type
    assert isinstance(kind, Tensor)
    assert offset_type(kind, most) == (i32 if reaches else i64)


def test_of_pointers_nothing_is_known() -> None:
    assert offset_type(Pointer(u8)) == i64


@tv.kernel("x: u8[N], y: u8[N]", grid=4)
def by_programs(x: tv.Tensor, y: tv.Tensor, size: tv.constexpr) -> None:
    for at in range(0, 1024, 256):
        place = tv.program_id(0) * size + at
        y.store(place, x.load(place, 256))


def test_programs_and_loops_bound_indices() -> None:
    """Four programs of a stretch each, where nothing is known of the tensor."""
    signature, there = "x: u8[N], y: u8[N]", {"device": "vm", "target": "sm_80"}
    last = (SMALL - 1023) // 3  # where the last program may begin, a third of it
    assert widths(lowered(by_programs.compile(signature, size=last, **there))) == {i32}
    assert widths(lowered(by_programs.compile(signature, size=last + 1, **there))) == {i64}
    assert widths(lowered(by_programs.gridless.compile(signature, size=last, **there))) == {i64}  # of any grid


# what depends on it -------------------------------------------------------------------------------------------


def made_small(memory: np.ndarray, pitch: int) -> tuple[Compiled, list[np.ndarray]]:
    """A kernel compiled for a small tensor, and arguments of which the first is larger."""
    y = np.zeros((4, 64), np.uint8)
    compiled = loaded.compile(y.copy(), y, m=0, n=0, device="vm", target="sm_80")
    return compiled, [View("u1", (2, 64), (pitch, 1)).of(memory), y]


def test_a_larger_tensor_is_refused(memory: np.ndarray) -> None:
    compiled, given_ = made_small(memory, SMALL)
    with pytest.raises(TileError) as caught:
        compiled(*given_)
    assert str(caught.value) == (
        f"error: x has elements more than {SMALL} bytes apart, and this was compiled for closer ones\n"
        "help: call the kernel itself, without small in its signature: it compiles for what it is given"
    )


def test_a_larger_tensor_would_be_reached_elsewhere(memory: np.ndarray) -> None:
    """What asks for it is needed: beyond 2**31 bytes an offset of 32 bits comes out below 0."""
    compiled, given_ = made_small(memory, 2**31)
    careless = replace(compiled, contract=replace(compiled.contract, small=()))
    with pytest.raises(TileError, match="x"):
        careless(*given_)


SHAPES = {
    "small": (np.zeros((64, 64), np.float16), np.zeros((64, 64), np.float16)),
    "unknown": ("x: f16[M%16, N%16]{align=16}, y: f16[M%16, N%16]{align=16}",),
    "said": ("x: f16[M%16, N%16]{align=16, small}, y: f16[M%16, N%16]{align=16, small}",),
    "pitch_known": ("x: f16[M%16, 64]{strides=(64, 1), align=16}, y: f16[M%16, 64]{strides=(64, 1), align=16}",),
    "all_known": ("x: f16[128, 64]{strides=(64, 1), align=16}, y: f16[128, 64]{strides=(64, 1), align=16}",),
}


@tv.kernel("x: f16[M, N], y: f16[M, N]", grid=lambda M, **_: tv.cdiv(M, 16))
def by_rows(x: tv.Tensor, y: tv.Tensor) -> None:
    m = tv.program_id(0) * 16
    y.store((m, 0), x.load((m, 0), (16, 64)))


@pytest.mark.parametrize("known", SHAPES)
def test_the_text(known: str, golden: Golden) -> None:
    compiled = by_rows.compile(*SHAPES[known], device="vm", target="sm_80")
    name = {"said": "small"}.get(known, known)
    golden(HERE / "lowered" / f"offsets_{name}.txt", print_func(lowered(compiled)))
