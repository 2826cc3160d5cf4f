"""Kernels as callers see them: what is compiled anew, what is found again, what is launched."""

import copy
import pickle
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import tilevm as tv
from tests.kernel import fake
from tests.kernel.fake import FakeBackend
from tilevm.backend import PLACES, Place
from tilevm.frontend.kernel import Kernel
from tilevm.runtime.compiled import Compiled
from tilevm.source import TileError

SCALE = 2.0
X, Y = np.zeros(100, np.float32), np.zeros(100, np.float32)


@tv.function
def double(x):
    return x * 2.0


@tv.function
def triple(x):
    return x * 3.0


step = double


def product(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor, BM: tv.constexpr = 32, BN: tv.constexpr = 16):
    """A tile of the product."""
    m, n = tv.program_id(0) * BM, tv.program_id(1) * BN
    c.store((m, n), tv.dot(a.load((m, 0), (BM, 16)), b.load((0, n), (16, BN))).to(c.dtype))


def scaled(x: tv.Tensor, y: tv.Tensor, n, B: tv.constexpr = 64):
    i = tv.program_id(0) * B
    y.store(i, step(x.load(i, B)) * SCALE + n)


def applied(x: tv.Tensor, f: tv.constexpr, y: tv.Tensor):
    y.store(0, f(x.load(0, 4)))


def filled(p: tv.Pointer, n):
    p.store(tv.program_id(0), n.to(p.dtype))


def moved(x: tv.Tensor, y: tv.Tensor):
    y.store((0, 0), x.load((0, 0), (4, 4)))


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> FakeBackend:
    """A fresh backend behind every device."""
    made = FakeBackend()
    monkeypatch.setattr(fake, "backend", made)
    for name, found in list(PLACES.items()):
        monkeypatch.setitem(PLACES, name, Place(name, f"{fake.__name__}:backend", found.target, found.optimise))
    return made


@pytest.fixture
def matmul(backend: FakeBackend) -> Kernel:
    grid = lambda M, N, BM, BN, **_: (tv.cdiv(M, BM), tv.cdiv(N, BN))  # noqa: E731  # as decorators have it
    return tv.kernel("a: T[M, K], b: T[K, N], c: T[M, N]", grid=grid)(product)


@pytest.fixture
def scale(backend: FakeBackend) -> Kernel:
    return tv.kernel(grid=lambda x, B, **_: tv.cdiv(x.shape[0], B))(scaled)


@tv.kernel
def doubled(x: tv.Tensor):
    x.store(0, x.load(0, 4) * 2)


def arrays(m: int = 64, k: int = 16, n: int = 32, dtype: Any = np.float32) -> tuple[Any, Any, Any]:
    return np.zeros((m, k), dtype), np.zeros((k, n), dtype), np.zeros((m, n), dtype)


def types(compiled: Compiled) -> list[str]:
    return [str(p.type) for p in compiled.abi.params]


def test_a_kernel_looks_like_its_function(matmul: Kernel) -> None:
    assert matmul.__name__ == "product" and matmul.__doc__ == "A tile of the product."
    assert matmul.__wrapped__ is product and repr(matmul) == "<kernel product(a, b, c, BM, BN)>"
    assert str(matmul.signature) == "a: T[M, K], b: T[K, N], c: T[M, N]"


def test_a_kernel_is_pickled_and_copied_by_name() -> None:
    assert pickle.loads(pickle.dumps(doubled)) is doubled
    assert copy.deepcopy([doubled])[0] is doubled


def test_the_grid_follows_the_extents(matmul: Kernel, backend: FakeBackend) -> None:
    matmul(*arrays())
    matmul(*arrays(68, 16, 36))
    matmul(*arrays(), BM=16)
    assert backend.grids == [(2, 2, 1), (3, 3, 1), (4, 2, 1)]
    assert len(backend.made) == 2, "other extents are no reason to compile"


def test_a_grid_by_the_caller(scale: Kernel, backend: FakeBackend) -> None:
    scale[7](X, Y, 1)
    scale[2, 3](X, Y, 1)
    scale[lambda x, n, B: (x.shape[0] // B, n)](X, Y, 5)
    scale[lambda names: tv.cdiv(100, names["B"])](X, Y, 5)
    scale(X, Y, 1)
    assert backend.grids == [(7, 1, 1), (2, 3, 1), (1, 5, 1), (2, 1, 1), (2, 1, 1)]


@pytest.mark.parametrize("grid", [0, (0,), (3, 0), (1, 1, 0), -1])
def test_no_programs(grid: Any, scale: Kernel, backend: FakeBackend) -> None:
    scale[grid](X, Y, 1)
    assert backend.grids == []


def test_empty_arrays(scale: Kernel, matmul: Kernel, backend: FakeBackend) -> None:
    matmul(*arrays(m=0))
    scale(X[:0], Y[:0], 1)
    assert backend.grids == []


ANEW: dict[str, Callable[[Kernel], object]] = {
    "number type": lambda k: k(*arrays(dtype=np.float16)),
    "layout": lambda k: k(np.zeros((16, 64), np.float32).T, *arrays()[1:]),
    "alignment": lambda k: k(*arrays(n=33)),
    "constant": lambda k: k(*arrays(), BN=32),
    "constant by position": lambda k: k(*arrays(), 16),
    "warps": lambda k: k(*arrays(), num_warps=8),
    "device": lambda k: k(*arrays(), device="vm"),
}


@pytest.mark.parametrize("call", ANEW.values(), ids=ANEW)
def test_what_is_compiled_anew(call: Callable[[Kernel], object], matmul: Kernel, backend: FakeBackend) -> None:
    matmul(*arrays())
    call(matmul)
    assert len(backend.made) == 2
    call(matmul)
    assert len(backend.made) == 2


AGAIN: dict[str, Callable[[Kernel], object]] = {
    "keywords": lambda k: k(y=Y, x=X, n=3),
    "default given": lambda k: k(X, Y, 3, 64),
    "numpy constant": lambda k: k(X, Y, 3, B=np.int64(64)),
    "typed number": lambda k: k(X, Y, np.int32(3)),
    "options in words": lambda k: k(X, Y, 3, num_warps=4, stream=None),
    "compile": lambda k: (k.compile(X, Y, 3), k(X, Y, 3)),
}


@pytest.mark.parametrize("call", AGAIN.values(), ids=AGAIN)
def test_what_is_found_again(call: Callable[[Kernel], object], scale: Kernel, backend: FakeBackend) -> None:
    scale(X, Y, 1)
    call(scale)
    assert [len(a.launches) for a in backend.made] == [2]


def test_values_outside_are_watched(scale: Kernel, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    scale(X, Y, 1)
    with monkeypatch.context() as now:
        now.setitem(globals(), "SCALE", 3.0)
        scale(X, Y, 1)
        now.setitem(globals(), "step", triple)
        scale(X, Y, 1)
    assert len(backend.made) == 3
    scale(X, Y, 1)
    assert [len(a.launches) for a in backend.made] == [2, 1, 1]


def rooted(x: tv.Tensor, y: tv.Tensor):
    y.store(0, numbers.sqrt(x.load(0, 4)))


numbers = tv


def test_a_name_that_comes_to_mean_another_module(backend: FakeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    root, other = tv.kernel(rooted), ModuleType("other")
    vars(other)["sqrt"] = tv.exp
    root[1](X, Y)
    with monkeypatch.context() as now:
        now.setitem(globals(), "numbers", other)
        root[1](X, Y)
    root[1](X, Y)
    assert [len(a.launches) for a in backend.made] == [2, 1]


def test_constants_of_one_value_and_two_meanings(backend: FakeBackend) -> None:
    @tv.kernel
    def put(y: tv.Tensor, v: tv.constexpr):
        y.store(0, tv.full(4, v, y.dtype))

    for value in (1, 1.0, 0.0, -0.0):
        put[1](Y, value)
    assert len(backend.made) == 4


def test_functions_are_constants(backend: FakeBackend) -> None:
    apply = tv.kernel(applied)
    apply[1](X, double, Y)
    apply[1](X, f=triple, y=Y)
    apply[1](X, double, Y)
    assert [len(a.launches) for a in backend.made] == [2, 1]


def test_arguments_arrive_as_they_are(scale: Kernel, backend: FakeBackend) -> None:
    scale(X[::2], Y[1:], 5)
    [(grid, (x, y, n))] = backend.made[0].launches
    assert grid == (1, 1, 1) and n == 5
    assert (x.shape, x.strides, x.address) == ((50,), (2,), X.ctypes.data)
    assert (y.shape, y.strides, y.address) == ((99,), (1,), Y.ctypes.data + 4)


def test_types_without_a_signature(backend: FakeBackend) -> None:
    compiled = tv.kernel(moved).compile(np.zeros((4, 8), np.float32).T, np.zeros((4, 4), np.float32))
    x, y = types(compiled)
    assert x.startswith("tensor<f32[x.shape[0], x.shape[1]], strides=[1, _]")
    assert y.startswith("tensor<f32[y.shape[0], y.shape[1]], strides=[_, 1]")
    fill = tv.kernel(filled)
    assert [types(fill.compile(Y[1:], n))[1] for n in (1, 2**31, True, 1.0, np.uint8(1))] == [
        *("i32", "i64", "bool", "f32", "u8")
    ]
    assert types(fill.compile(Y[1:], 1))[0] == "ptr<f32, align=4>"


def test_types_by_a_signature(backend: FakeBackend) -> None:
    move = tv.kernel("x: T[M%4, 8]{strides=(ld, 1)}, y: T[ld, 4]{align=4}")(moved)
    x, y = types(move.compile(np.zeros((16, 8), np.float32)[::2], np.zeros((16, 4), np.float32)))
    assert x.startswith("tensor<f32[M%4, 8], strides=[_, 1]")
    assert y.startswith("tensor<f32[ld, 4], strides=[_, 1]")
    fill = tv.kernel("p: *T, n: T")(filled)
    assert [types(fill.compile(Y.astype(t), 1))[1] for t in ("f4", "f2", "i8")] == ["f32", "f16", "i64"]


def test_a_dim_and_an_argument_of_one_name_are_one(backend: FakeBackend) -> None:
    put = tv.kernel("x: f32[n], y: f32[_], n: i32", grid=lambda n, B, **_: tv.cdiv(n, B))(scaled)
    put(X, Y, 100)
    assert backend.grids == [(2, 1, 1)]
    with pytest.raises(TileError, match="dim n is 99 as the argument n and 100 in x"):
        put(X, Y, 99)


def test_compiled_for_a_signature(matmul: Kernel, backend: FakeBackend) -> None:
    compiled = matmul.compile("a: f32[R, 16], b: f32[16, S], c: f32[R, S]{align=16}", BM=64, num_warps=8)
    assert types(compiled) == [
        "tensor<f32[R, 16], strides=[_, 1], align=4>",
        "tensor<f32[16, S], strides=[_, 1], align=4>",
        "tensor<f32[R, S], strides=[_, 1], align=16>",
    ]
    assert [str(e) for e in compiled.abi.grid or ()] == ["cdiv(R, 64)", "cdiv(S, 16)"]
    assert (compiled.num_warps, compiled.target, compiled.binary, compiled.resources) == (
        *(8, "cpu", b"fake", {"registers": 0}),
    )
    assert list(compiled.stages) == ["tile", "optimised", "fake"] and compiled.layouts == {}
    compiled(*arrays())
    compiled[1, 1](*arrays())
    assert backend.grids == [(1, 2, 1), (1, 1, 1)]


def test_a_grid_by_the_caller_is_compiled_for(matmul: Kernel, backend: FakeBackend) -> None:
    matmul[9, 9](*arrays())
    assert backend.grids == [(9, 9, 1)] and backend.made[0].func.grid is None, "no bounds are proved on another grid"
    with pytest.raises(TileError, match=r"was compiled for its own grid \(2, 2, 1\), and \(9, 9, 1\) goes beyond it"):
        matmul.compile(*arrays())[9, 9](*arrays())


def test_many_threads_compile_once(scale: Kernel, backend: FakeBackend) -> None:
    threads = [threading.Thread(target=scale, args=(X, Y, 1)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(a.launches) for a in backend.made] == [8]


def test_torch(scale: Kernel, backend: FakeBackend) -> None:
    torch = pytest.importorskip("torch")
    scale(X, Y, 1)
    scale(torch.zeros(100), torch.zeros(100), 1)
    assert sum(len(a.launches) for a in backend.made) == 2


def test_annotations_as_text(backend: FakeBackend) -> None:
    def plain(p: "tv.Pointer", n: "tv.constexpr"):
        p.store(0, tv.full(1, n, p.dtype).sum())

    compiled = tv.kernel(plain).compile(Y, 3)
    assert [p.name for p in compiled.abi.params] == ["p"] and compiled.constants == {"n": 3}


def test_a_launch_costs_little(matmul: Kernel) -> None:
    """Calls of Python functions on the way of a launch that was compiled before: a time would depend on the machine."""
    a, b, c = arrays()
    matmul(a, b, c)
    seen = []
    sys.setprofile(lambda frame, event, _: seen.append(frame.f_code.co_name) if event == "call" else None)
    try:
        matmul(a, b, c)
    finally:
        sys.setprofile(None)
    assert len(seen) < 120, seen


def test_a_grid_of_plain_counts() -> None:
    """The decorator takes counts as well as a function that gives them."""

    @tv.kernel(grid=(2, 3))
    def mark(x: tv.Tensor) -> None:
        x.store((tv.program_id(0), tv.program_id(1)), tv.full((1, 1), 7, tv.i32))

    for device in ("cpu", "vm"):
        x = np.zeros((3, 4), np.int32)
        mark(x, device=device)
        assert (x == np.where(np.arange(3)[:, None] < 2, np.where(np.arange(4) < 3, 7, 0), 0)).all()
