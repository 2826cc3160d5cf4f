"""Native code launches what Python would, and only that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.lib.stride_tricks import as_strided

import tilevm as tv
from tests.kernel.fake import NativeBackend
from tests.launch.calls import SIGNATURE, behind, grid, some
from tilevm.optional import optional
from tilevm.source import TileError
from tilevm.symbolic import OPERATORS, combine
from tilevm.types import SMALL
from tilevm.types.codec.packing import packed_bytes


def array(dtype: Any, n: int, m: int, step: int, start: int, turned: bool) -> np.ndarray:
    """n x m elements of a larger array, ``start`` elements from where it begins, every ``step``-th column."""
    held = np.zeros(start + n * m * step + 64, dtype)[start : start + n * m * step]
    found = held.reshape(m, n * step)[:, ::step].T if turned else held.reshape(n, m * step)[:, ::step]
    return found


ARRAYS = st.builds(
    array,
    st.sampled_from([np.float32, np.float16, ml_dtypes.bfloat16, np.int8]),
    st.sampled_from([1, 2, 16, 33]),
    st.sampled_from([1, 4, 16]),
    st.sampled_from([1, 2]),
    st.sampled_from([0, 1, 4]),
    st.booleans(),
)


Made = tuple[tuple[Any, ...], dict[str, Any]]


@st.composite
def calls(draw: Any) -> Made:
    x = draw(ARRAYS)
    y = x if draw(st.booleans()) else np.zeros_like(x)
    values = {
        "x": x,
        "y": y,
        "n": draw(st.sampled_from([0, 3, -5, 7, 2**31 - 1, 2**31, 2**40, True])),
        "f": 1.5,
        "b": True,
    }
    values["f"] = draw(st.sampled_from([0.5, 7, -0.0, 1e300, float("inf")]))
    values["b"] = draw(st.sampled_from([True, False]))
    if draw(st.booleans()):
        values["B"] = draw(st.sampled_from([16, 32]))
    if draw(st.integers(0, 3)) == 0:
        values["num_warps"] = 8
    cut = draw(st.integers(0, 5))
    names = [*values]
    return tuple(values[n] for n in names[:cut]), {n: values[n] for n in names[cut:]}


@given(st.lists(calls(), min_size=1, max_size=4))
def test_native_code_launches_what_python_would(made: list[Made]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        backend = behind(patch)
        kernel = tv.kernel(SIGNATURE, grid=grid)(some)
        for args, keywords in made * 3:
            assert outcome(backend, lambda a=args, k=keywords: kernel(*a, **k)) == outcome(
                backend, lambda a=args, k=keywords: kernel._launch(None, a, k)
            )


@given(calls(), st.lists(calls(), max_size=4))
def test_of_a_compiled_kernel_too(first: Made, made: list[Made]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        backend = behind(patch)
        kernel = tv.kernel(SIGNATURE, grid=grid)(some)
        try:
            compiled = kernel.compile(*first[0], **first[1])
        except TileError:
            return
        for args, keywords in [first, *made] * 3:
            values = (*args, *(keywords[name] for name in ("x", "y", "n", "f", "b") if name in keywords))
            assert outcome(backend, lambda v=values: compiled(*v)) == outcome(
                backend, lambda v=values: compiled.launch(None, v)
            )


PITCHES = st.sampled_from([0, 1, 4096, SMALL // 4, SMALL // 4 - 3, 2**31, 2**40, 2**58, -(2**59)])
ROWS = st.tuples(st.sampled_from([0, 1, 2, 3]), PITCHES, st.integers(0, 5), st.sampled_from([1, -1]))


@given(st.lists(ROWS, min_size=1, max_size=6))
def test_tensors_that_are_not_small_are_refused_where_a_signature_says_so(
    made: list[tuple[int, int, int, int]],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        backend = behind(patch)

        @tv.kernel("x: f32[M, N]{small}, n: i32", grid=1)
        def stores(x: tv.Tensor, n):
            x.store((0, 0), tv.zeros((1, 4), tv.f32))

        base = np.zeros(4, np.float32)
        for rows, pitch, more, sign in [(2, 4096, 0, 1), *made] * 3:
            x = as_strided(base, (rows, 4), (4 * sign * (pitch + more), 4))
            assert outcome(backend, lambda x=x: stores(x, 3)) == outcome(
                backend, lambda x=x: stores._launch(None, (x, 3), {})
            )


EDGES = [0, 1, -1, 2, -3, 7, 64, -65, 2**31 - 1, 2**31, 2**32, -(2**31), 2**62, 2**63 - 1, -(2**63)]
EXPRESSIONS = st.recursive(
    st.sampled_from(["N", "M", "n", "m", 0, 1, -1, 3, 16, -7, 2**31, 2**62, 2**64]),
    lambda inner: st.tuples(st.sampled_from(sorted(OPERATORS)), inner, inner),
    max_leaves=6,
)
Counted = tuple[int, int, int, int]


def some_programs(written: Any) -> Any:
    """A count that tells the number of an expression, and is 1 to 97."""
    return "+", ("%", written, 97), 1


COUNTS = st.one_of(EXPRESSIONS, *[EXPRESSIONS.map(some_programs)] * 3)


def expressed(written: Any, names: Any) -> Any:
    """What the grid function gives where it is traced."""
    if isinstance(written, tuple):
        operator, a, b = written
        return combine(operator, expressed(a, names), expressed(b, names))
    return names[written] if isinstance(written, str) else written


@given(
    st.tuples(COUNTS, COUNTS, COUNTS),
    st.lists(
        st.tuples(st.sampled_from([1, 2, 33]), st.sampled_from([1, 16]), st.sampled_from(EDGES), st.integers(-9, 9)),
        min_size=4,
        max_size=12,
    ),
)
def test_grids_are_counted_as_python_does(written: Any, made: list[Counted]) -> None:
    """Over all operators and signs, what leaves 64 bits and division by zero included."""
    same_counts(written, made * 2)


@pytest.mark.parametrize("operator", OPERATORS)
def test_each_operator_is_that_of_python(operator: str) -> None:
    for names in ("nm", "mn"):  # one at a time, since what native code refuses of one it refuses of all
        same_counts([some_programs((operator, *names))], [(1, 1, n, m) for n in EDGES for m in range(-4, 5)])


def same_counts(written: Any, made: list[Counted]) -> None:
    """Native code runs so many programs as Python does, or ends in the same error: for extents of x, n and m."""
    with pytest.MonkeyPatch.context() as patch:
        backend = behind(patch)

        @tv.kernel("x: i8[N, M], n: i64, m: i32", grid=lambda **names: [expressed(part, names) for part in written])
        def counted(x: tv.Tensor, n, m):
            x.store((0, 0), x.load((0, 0), (1, 1)))

        for rows, columns, n, m in made:
            x = np.zeros((rows, columns), np.int8)
            assert outcome(backend, lambda x=x, n=n, m=m: counted(x, n, m)) == outcome(
                backend, lambda x=x, n=n, m=m: counted._launch(None, (x, n, m), {})
            )


def held(dtype: str, n: int, m: int, start: int, kind: str) -> Any:
    """n x m packed elements that begin ``start`` bytes behind a multiple of 16."""
    room = np.zeros(1 << 11, np.uint8)
    begin = -room.ctypes.data % 16 + start
    found = room[begin : begin + packed_bytes(n * m, tv.dtype(dtype).bits)]
    found.flags.writeable = kind != "fixed"
    torch: Any = optional("torch") if kind == "torch" else None
    return tv.packed(found if torch is None else torch.from_numpy(found), dtype, (n, m))


PACKED = st.builds(
    held,
    st.sampled_from(["u4", "f4e2m1", "u3", "i8"]),
    st.sampled_from([0, 1, 2, 16, 33]),
    st.sampled_from([1, 4, 16, 24, 32]),
    st.sampled_from([0, 1, 8]),
    st.sampled_from(["numpy", "fixed", "torch"]),
)
ROWS = "w: W[N, M] packed, v: W[N, M] packed"  # the second is written
SIGNATURES = [ROWS, "w: W[N, M%4] packed{align=8}, v: W[N, M] packed", "w: W[N, M] packed, v: W[N, 16] packed"]


def nibbles(w: tv.Tensor, v: tv.Tensor, B: tv.constexpr = 16) -> None:
    i = tv.program_id(0) * B
    v.store((i, 0), w.load((i, 0), (B, 4)))


@given(st.sampled_from(SIGNATURES), st.lists(st.tuples(PACKED, PACKED, st.booleans()), min_size=1, max_size=4))
def test_of_packed_tensors_too(signature: str, pairs: list[tuple[Any, Any, bool]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        backend = behind(patch)
        kernel = tv.kernel(signature, grid=lambda N, M, B: (tv.cdiv(N, B), M % 7))(nibbles)
        for w, v, same in pairs * 3:
            args = (w, w if same else v)
            assert outcome(backend, lambda a=args: kernel(*a)) == outcome(
                backend, lambda a=args: kernel._launch(None, a, {})
            )


@given(PACKED, PACKED, PACKED)
def test_of_a_compiled_kernel_and_packed_tensors_too(w: Any, v: Any, other: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        backend = behind(patch)
        kernel = tv.kernel(ROWS, grid=lambda N, M, B: (tv.cdiv(N, B), M % 7))(nibbles)
        compiled = kernel.compile("w: u4[N, M] packed, v: u4[N, M] packed")
        for args in [(w, w), (w, v), (other, v), (v, other)] * 3:
            assert outcome(backend, lambda a=args: compiled(*a)) == outcome(
                backend, lambda a=args: compiled.launch(None, a)
            )


def outcome(backend: NativeBackend, call: Callable[[], None]) -> Any:
    """What a call starts, or the error that it ends in."""
    before = len(backend.started)
    try:
        call()
    except TileError as error:
        return str(error)
    return [(id(artifact), words, counts) for artifact, words, counts in backend.started[before:]]
