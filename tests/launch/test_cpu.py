"""Calls that native code takes on the CPU, and those that it leaves to Python."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tilevm as tv
from tests.launch.calls import axpy, numbers, python_calls, short
from tilevm.runtime.packed import Packed
from tilevm.source import TileError

X, Y = numbers()
CALLS: dict[str, Callable[[], object]] = {
    "by position": lambda: axpy(X, Y, 2.0),
    "by name": lambda: axpy(y=Y, a=2.0, x=X),
    "constant": lambda: axpy(X, Y, 2.0, B=32),
    "constant by position": lambda: axpy(X, Y, 2.0, 32),
    "options": lambda: axpy(X, Y, 2.0, device="cpu", num_warps=8),
    "an int for a float": lambda: axpy(X, Y, 2),
    "grid": lambda: axpy[(3,)](X, Y, 2.0),
    "number as grid": lambda: axpy[3](X, Y, 2.0),
    "grid and names": lambda: axpy[3, 1](X, Y, a=2.0),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_python_is_out_of_the_way(call: Callable[[], object], soon: None) -> None:
    for _ in range(3):
        Y[:] = 1.0
        call()
        assert (Y == 1 + 2 * X).all()
    short(axpy)
    assert [n for n in python_calls(call) if n != "__getitem__"] == []


def test_torch_tensors(soon: None) -> None:
    torch = pytest.importorskip("torch")
    x, y = torch.arange(40, dtype=torch.float32), torch.ones(40)
    for _ in range(3):
        y.fill_(1.0)
        axpy(x, y, 2.0)
        assert torch.equal(y, 1 + 2 * x)
    short(axpy)
    assert python_calls(lambda: axpy(x, y, 2.0)) == []
    for wrong in (
        torch.ones(40, requires_grad=True),
        torch.nn.Parameter(torch.ones(40)),
        torch.ones(40, dtype=torch.complex64).conj().imag,
        torch.ones(40).to_sparse(),
        torch.empty(40, device="meta"),
        torch.ones(41),
        torch.ones(40, dtype=torch.float64),
    ):
        with pytest.raises(TileError):
            axpy(x, wrong, 2.0)
    with torch.no_grad():
        taken = torch.ones(40, requires_grad=True)
        axpy(x, taken, 2.0)
        assert torch.equal(taken.detach(), 1 + 2 * x)
    shifted, strided = torch.ones(50)[3:43], torch.ones(80)[::2]
    for other in (shifted, strided, shifted, strided):
        other.fill_(1.0)
        axpy(x, other, 2.0)
        assert torch.equal(other, 1 + 2 * x)


def test_torch_tensors_that_hold_no_elements_of_their_own(soon: None) -> None:
    """Native code and Python refuse alike what lies between elements, nowhere, or is the negative of what is there."""
    torch = pytest.importorskip("torch")
    x, room = torch.arange(40, dtype=torch.float32), torch.ones(81)
    for y in (room[:40], room[1:41]):  # at multiples of 16 bytes, and not
        for _ in range(3):
            axpy(x, y, 2.0)
    short(axpy)
    gone, view = torch.ones(40), torch.ones(80)[4:44]
    for tensor in (gone, view):
        tensor.untyped_storage().resize_(0)
    wrong = {
        "no multiple": torch.frombuffer(bytearray(400), dtype=torch.float32, count=40, offset=1),
        "without memory": gone,
        "a Tensor without": view,
        "a lazy negation": torch.ones(40, dtype=torch.complex64).conj().imag,
    }
    for told, tensor in wrong.items():
        for launch in (axpy, lambda *args: axpy._launch(None, args, {})):
            with pytest.raises(TileError, match=told):
                launch(x, tensor, 2.0)
    zeros = torch._efficientzerotensor((40,), dtype=torch.float32)
    with pytest.raises(TileError, match="without memory"):
        axpy(x, zeros, 2.0)


@tv.kernel("w: u4[N, M] packed, y: f32[N, M]", grid=lambda N, **_: N)
def widened(w: tv.Tensor, y: tv.Tensor) -> None:
    i = tv.program_id(0)
    y.store((i, 0), w.load((i, 0), (1, 64)).to(tv.f32))


@pytest.mark.parametrize("made", ["numpy", "torch", "bytes", "copied"])
def test_packed_tensors(made: str, soon: None) -> None:
    codes = np.random.default_rng(0).integers(0, 16, (3, 8, 48)).astype(np.uint8)
    tensors = [tv.packed(as_given(tv.pack(c, "u4"), made), "u4", c.shape) for c in codes]
    if made == "copied":
        tensors = [pickle.loads(pickle.dumps(copy.copy(w))) for w in tensors]
    y = np.zeros((8, 48), np.float32)
    for _ in range(3):
        widened(tensors[0], y)
    short(widened)
    for w, wanted in zip(tensors, codes, strict=True):
        assert python_calls(lambda w=w: widened(w, y)) == []
        assert (y == wanted).all()
    few = tv.packed(tv.pack(codes[0, 0], "u4"), "u4", (1, 48))
    with pytest.raises(TileError, match="dim N is 1 in w"):
        widened(few, y)
    with pytest.raises(TileError, match="f4e2m1"):
        widened(tv.packed(tv.pack(codes[0], "u4"), "f4e2m1", (8, 48)), y)


def as_given(buffer: np.ndarray, how: str) -> Any:
    if how == "torch":
        return pytest.importorskip("torch").from_numpy(buffer)
    return buffer.tobytes() if how == "bytes" else buffer


def test_rows_of_packed_tensors_begin_where_the_signature_says(soon: None) -> None:
    kernel = tv.kernel("w: u4[N, M] packed{align=8}, y: f32[N, M]", grid=lambda N, **_: N)(widened._function)
    for columns in (16, 16, 32):
        kernel(tv.packed(np.zeros(256, np.uint8), "u4", (8, columns)), np.zeros((8, columns), np.float32))
    with pytest.raises(TileError, match="rows begin at multiples of 8 bytes"):
        kernel(tv.packed(np.zeros(256, np.uint8), "u4", (8, 24)), np.zeros((8, 24), np.float32))


def test_packed_tensors_that_are_left_to_python(soon: None) -> None:
    """One that was never filled, and one with numbers of more than 64 bits."""
    y = np.zeros((8, 48), np.float32)
    for _ in range(3):
        widened(tv.packed(np.zeros(192, np.uint8), "u4", (8, 48)), y)
    for odd in (object.__new__(Packed), tv.packed(b"", "u4", (0, 2**70))):
        with pytest.raises((TileError, AttributeError)):
            widened(odd, y)


def test_errors_are_those_of_python(soon: None) -> None:
    x, y = numbers()
    for _ in range(3):
        axpy(x, y, 1.0)
    frozen = y.copy()
    frozen.flags.writeable = False
    for args in ((x, frozen, 1.0), (x, y[:9], 1.0), (x, y.astype(np.float64), 1.0), (x, y, True), (x, [1.0], 1.0)):
        for _ in range(3):
            with pytest.raises(TileError):
                axpy(*args)
    with pytest.raises(TileError, match="needs its argument a"):
        axpy(x, y)
    with pytest.raises(TileError, match="no parameter b"):
        axpy(x, y, b=1.0)


def test_subclasses_of_arrays_go_through_python(soon: None) -> None:
    x, y = numbers()
    for _ in range(3):
        axpy(x, y, 1.0)
    with pytest.raises(TileError, match="masked"):
        axpy(np.ma.masked_array(x, mask=x > 3), y, 1.0)


def test_a_float_beyond_the_type_is_infinite(soon: None) -> None:
    for _ in range(3):
        y = np.ones(40, np.float32)
        axpy(np.ones(40, np.float32), y, -1e300)
        assert (y == -np.inf).all()


def test_an_axis_of_one_element_tells_nothing(soon: None) -> None:
    """A kernel compiled for columns that touch takes one of a single element, and no others for that."""

    @tv.kernel(grid=1)
    def moved(x: tv.Tensor, y: tv.Tensor):
        y.store((0, 0), x.load((0, 0), (2, 4)))

    column = np.zeros((2, 1), np.float32)
    compiled = moved.compile(column, column)
    for _ in range(3):
        compiled(np.zeros((1, 1), np.float32), np.zeros((1, 1), np.float32))
    with pytest.raises(TileError, match="was compiled for"):
        compiled(np.zeros((2, 4), np.float32), np.zeros((2, 4), np.float32))


def test_more_programs_than_are_counted(soon: None) -> None:
    """Their product leaves 64 bits, and is 0 in those."""
    x, y = numbers()
    for _ in range(3):
        with pytest.raises(TileError, match=r"4194304 x 4194304 x 1048576 programs are 18446744073709551616"):
            axpy[2**22, 2**22, 2**20](x, y, 2.0)
        axpy[1](x, y, 2.0)
        short(axpy)


def test_an_int_beyond_the_type_is_infinite() -> None:
    @tv.kernel("y: f16[N], n: f16", grid=1)
    def filled(y: tv.Tensor, n):
        y.store(0, y.load(0, 4) * 0.0 + n)

    for n, expected in ((-(2**40), -np.inf), (65520, np.inf), (65519, 65504.0)):
        y = np.ones(4, np.float16)
        filled(y, n)
        assert (y == expected).all()


@pytest.mark.parametrize("kind", ["u64", "f32"])
def test_ints_that_only_u64_holds(soon: None, kind: str) -> None:
    @tv.kernel(f"y: {kind}[_], n: {kind}", grid=1)
    def filled(y: tv.Tensor, n):
        y.store(0, tv.zeros((1,), y.dtype) + n)

    y = np.zeros(1, kind.replace("u", "uint").replace("f", "float"))
    for n in (1, 2**63, 2, 2**64 - 1, 2**63 - 1):
        for _ in range(3):
            filled(y, n)
            assert y[0] == y.dtype.type(n)
    with pytest.raises(TileError, match="n is 18446744073709551616, which fits no integer type"):
        filled(y, 2**64)
