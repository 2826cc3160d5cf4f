"""Packed tensors on the CPU: elements of any width at any place, read and written bit by bit."""

from __future__ import annotations

import numpy as np
import pytest

import tilevm as tv
from tilevm.backend import Array, place
from tilevm.backends.cpu import artifact as artifacts, host as hosts
from tilevm.backends.cpu.host import Host, host
from tilevm.driver import compile_func
from tilevm.text import read_func
from tilevm.types import DType
from tilevm.types.codec import pack, unpack
from tilevm.types.codec.packing import packed_bytes

WIDTHS = [tv.dtype(f"u{n}") for n in (*range(1, 20), 24, 25, 31, 32, 33, 40, 51, 57, 63, 64)]
OTHERS = [tv.dtype(name) for name in ("bool", "i3", "i5", "f6e3m2", "f4e2m1", "f8e4m3", "f11e5m5", "f16", "i64")]
ROWS, COLUMNS = 7, 53


def held(buffer: np.ndarray, dtype: DType, shape: tuple[int, ...]) -> Array:
    strides = tuple(int(np.prod(shape[d + 1 :])) for d in range(len(shape)))
    return Array(dtype, buffer.ctypes.data, shape, strides, 0, int(np.prod(shape)), buffer)


def launch(text: str, arguments: list[object], grid: tuple[int, int, int] = (1, 1, 1)) -> None:
    compile_func(read_func(text), place("cpu")).artifact.launch(grid, arguments)


def codes_of(dtype: DType, shape: tuple[int, ...], seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, (1 << dtype.bits) - 1, shape, dtype=np.uint64, endpoint=True).astype(f"u{dtype.numpy_bytes}")


def guarded(packed: np.ndarray, ahead: int = 0) -> np.ndarray:
    """The bytes at the very end of a buffer, so that whoever reads or writes past them is seen by a later test."""
    room = np.full(ahead + packed.size + 64, 0xA5, np.uint8)
    room[ahead : ahead + packed.size] = packed
    return room[ahead : ahead + packed.size]


def tensor(dtype: DType, rows: int, columns: int) -> str:
    return f"tensor<{dtype}[{rows}, {columns}], strides=[{columns}, 1], packed>"


COPY = """
func @copy(%x: {kind}, %y: {kind}, %i: i32, %j: i32, %k: i32, %l: i32) {{
  %t = load %x, [%i, %j] {{shape = [{m}, {n}]}} : {dtype}[{m}, {n}]
  store %y, %t, [%k, %l]
  yield []
}}"""


@pytest.mark.parametrize("dtype", [*WIDTHS, *OTHERS], ids=str)
def test_boxes_are_copied_between_any_places(dtype: DType) -> None:
    """Every bit outside the box stays, and what is read outside the tensor is 0."""
    x, y = codes_of(dtype, (ROWS, COLUMNS), 1), codes_of(dtype, (ROWS, COLUMNS), 2)
    for m, n in ((3, 32), (4, 17), (2, 64), (8, 1)):
        text = COPY.format(kind=tensor(dtype, ROWS, COLUMNS), dtype=dtype, m=m, n=n)
        artifact = compile_func(read_func(text), place("cpu")).artifact
        for places in ((0, 0, 0, 0), (1, 3, 2, 5), (-1, -2, 4, 30), (5, 40, -2, -3), (2, 8, 0, 16)):
            source, target = guarded(pack(x, dtype)), guarded(pack(y, dtype))
            arguments = [held(source, dtype, x.shape), held(target, dtype, y.shape), *places]
            artifact.launch((1, 1, 1), arguments)
            assert np.array_equal(unpack(target, dtype, y.size).reshape(y.shape), copied(x, y, (m, n), places)), places
            assert (target.base[target.size :] == 0xA5).all()


def copied(x: np.ndarray, y: np.ndarray, shape: tuple[int, int], places: tuple[int, ...]) -> np.ndarray:
    wide = np.zeros((200, 200), x.dtype)
    wide[50 : 50 + ROWS, 50 : 50 + COLUMNS] = x
    i, j, m, n = (p + 50 for p in places)
    out = np.zeros((200, 200), x.dtype)
    out[50 : 50 + ROWS, 50 : 50 + COLUMNS] = y
    out[m : m + shape[0], n : n + shape[1]] = wide[i : i + shape[0], j : j + shape[1]]
    return out[50 : 50 + ROWS, 50 : 50 + COLUMNS]


@pytest.mark.parametrize(
    "dtype", [tv.dtype(name) for name in ("bool", "u3", "i5", "f6e2m3", "u7", "u12", "i23", "u33", "u57")], ids=str
)
@pytest.mark.parametrize("block", [1, 5, 16, 24, 48, 67, 130])
def test_neighbours_of_different_programs_keep_their_bits(dtype: DType, block: int) -> None:
    count = 40_000
    x = codes_of(dtype, (count,), 3)
    text = f"""
    func @copy(%x: tensor<{dtype}[{count}], strides=[1], packed>, %y: tensor<{dtype}[{count}], strides=[1], packed>) {{
      %p = program_id {{axis = 0}} : i32
      %b = constant {{value = {block}, of = i32}} : i32
      %i = mul %p, %b : i32
      %t = load %x, [%i] {{shape = [{block}]}} : {dtype}[{block}]
      store %y, %t, [%i]
      yield []
    }}"""
    target = guarded(np.full(packed_bytes(count, dtype.bits), 0x5A, np.uint8))
    launch(text, [held(pack(x, dtype), dtype, x.shape), held(target, dtype, x.shape)], (-(-count // block), 1, 1))
    assert np.array_equal(unpack(target, dtype, count), x)


@pytest.mark.parametrize("dtype", [tv.dtype(name) for name in ("bool", "u2", "i5", "f6e2m3", "u33")], ids=str)
def test_elements_at_computed_places(dtype: DType) -> None:
    """Every third element of a column goes to a permuted place; a mask and the bounds leave the others alone."""
    x, y = codes_of(dtype, (ROWS, COLUMNS), 4), codes_of(dtype, (ROWS, COLUMNS), 5)
    kind = tensor(dtype, ROWS, COLUMNS)
    text = f"""
    func @f(%x: {kind}, %y: {kind}, %r: tensor<i32[40], strides=[1]>, %s: tensor<i32[40], strides=[1]>) {{
      %0 = constant {{value = 0, of = i32}} : i32
      %i = load %r, [%0] {{shape = [40]}} : i32[40]
      %j = load %s, [%0] {{shape = [40]}} : i32[40]
      %z = splat %0 {{shape = [40]}} : i32[40]
      %m = ge %i, %z : bool[40]
      %t = gather %x, [%i, %j], %m : {dtype}[40]
      scatter %y, %t, [%i, %j], %m
      yield []
    }}"""
    rows = np.array([n % ROWS if n % 5 else -1 for n in range(40)], np.int32)
    columns = np.array([(7 * n) % COLUMNS for n in range(40)], np.int32)
    target = guarded(pack(y, dtype))
    places = [Array(tv.i32, a.ctypes.data, a.shape, (1,), 0, a.size, a) for a in (rows, columns)]
    launch(text, [held(pack(x, dtype), dtype, x.shape), held(target, dtype, y.shape), *places])
    expected = y.copy()
    expected[rows[rows >= 0], columns[rows >= 0]] = x[rows[rows >= 0], columns[rows >= 0]]
    assert np.array_equal(unpack(target, dtype, y.size).reshape(y.shape), expected)


@pytest.mark.parametrize("dtype", [tv.dtype(name) for name in ("u1", "u4", "i6", "f6e3m2", "u7")], ids=str)
def test_a_strided_view(dtype: DType) -> None:
    """Columns as rows: a packed tensor whose unit stride is not the last."""
    x = codes_of(dtype, (ROWS, COLUMNS), 6)
    turned = f"tensor<{dtype}[{COLUMNS}, {ROWS}], strides=[1, {COLUMNS}], packed>"
    text = f"""
    func @f(%x: {turned}, %y: tensor<{dtype}[{COLUMNS}, {ROWS}], strides=[{ROWS}, 1], packed>) {{
      %0 = constant {{value = 0, of = i32}} : i32
      %t = load %x, [%0, %0] {{shape = [64, 8]}} : {dtype}[64, 8]
      store %y, %t, [%0, %0]
      yield []
    }}"""
    target = guarded(pack(np.zeros_like(x), dtype))
    source = pack(x, dtype)
    given = Array(dtype, source.ctypes.data, (COLUMNS, ROWS), (1, COLUMNS), 0, x.size, source)
    launch(text, [given, held(target, dtype, (COLUMNS, ROWS))])
    assert np.array_equal(unpack(target, dtype, x.size).reshape(COLUMNS, ROWS), x.T)


HEAD = """
func @f(%x: tensor<{dtype}[{n}], strides=[1]>, %y: tensor<{dtype}[K], strides=[1], packed>, %i: i32) {{
  %0 = constant {{value = 0, of = i32}} : i32
  %t = load %x, [%0] {{shape = [{n}], inbounds = [true]}} : {dtype}[{n}]
  store %y, %t, [%i] {{inbounds = [{inbounds}]}}
  yield []
}}"""


NARROW = {"avx2": Host("haswell", "", 256, 16), "sse2": Host("x86-64", "", 128, 16, has_f16=False)}


@pytest.mark.parametrize("dtype", [*WIDTHS[::3], *(k for k in OTHERS if k != tv.f16)], ids=str)
@pytest.mark.parametrize("machine", NARROW)
def test_narrow_vectors(dtype: DType, machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if not host().has("avx2"):
        pytest.skip("this machine does not run AVX2")
    for module in (artifacts, hosts):
        monkeypatch.setattr(module, "host", lambda: NARROW[machine])
    check_rows(dtype, 40)


@pytest.mark.parametrize("dtype", [*WIDTHS, *OTHERS], ids=str)
@pytest.mark.parametrize("extent", [8, 40, 64, 75])
def test_rows_begin_at_any_bit(dtype: DType, extent: int) -> None:
    check_rows(dtype, extent)


def check_rows(dtype: DType, extent: int) -> None:
    """Rows of several vectors, known to lie inside or looked at, among bits that are all set or all clear."""
    x, room = codes_of(dtype, (extent,), 7), extent + 19
    for inbounds in ("true", "false"):
        text = HEAD.format(dtype=dtype, n=extent, inbounds=inbounds)
        artifact = compile_func(read_func(text), place("cpu")).artifact
        given = np.ascontiguousarray(x.astype(np.bool_) if dtype.is_bool else x)
        for first in range(9):
            for filled in (0, 255):
                target = guarded(np.full(packed_bytes(room, dtype.bits), filled, np.uint8))
                expected = unpack(target, dtype, room).copy()
                expected[first : first + extent] = x
                source = Array(dtype, given.ctypes.data, (extent,), (1,), 0, extent, given)
                artifact.launch((1, 1, 1), [source, held(target, dtype, (room,)), first])
                assert np.array_equal(unpack(target, dtype, room), expected), (first, filled)
                assert (target.base[target.size :] == 0xA5).all()


def test_whole_rows_are_not_written_element_by_element() -> None:
    """Where a row begins inside a byte, its vectors go to a function that writes bytes; elements alone have another."""
    for dtype in (tv.u4, tv.dtype("f6e2m3"), tv.dtype("u12"), tv.dtype("i33")):
        text = HEAD.format(dtype=dtype, n=64, inbounds="true")
        llvm = compile_func(read_func(text), place("cpu")).artifact.stages["llvm"]
        assert "bytes_from_within" in llvm and "puts_" not in llvm, dtype
