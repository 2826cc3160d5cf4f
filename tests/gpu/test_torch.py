"""Tensors of torch on a card: where launches go, in what order, and what graphs hold of them."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import tilevm as tv
from tests.cuda.kernels import add_one, copy, fill, scaled, tally, total
from tests.launch.calls import python_calls
from tilevm.backend import cards
from tilevm.optional import optional
from tilevm.runtime.launch import repeats

torch: Any = optional("torch")
cupy: Any = optional("cupy")
N = 1 << 16
LONG = 200_000_000  # clock cycles that hold a stream up: about a tenth of a second
BORROWED: list[Any] = []  # streams of torch as objects of CuPy


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are prepared after the first."""
    monkeypatch.setattr(repeats, "WORTH", range(1, 1000))


def numbers(n: int = N) -> Any:
    return torch.arange(n, dtype=torch.float32, device="cuda")


def test_many_calls_give_what_the_first_gives() -> None:
    for n in (1, 255, 256, 257, N, N, N):
        x, y = numbers(n), torch.zeros(n, device="cuda")
        add_one(x, y)
        assert torch.equal(y, x + 1)


def test_calls_that_come_again_are_native() -> None:
    x, y = numbers(), torch.zeros(N, device="cuda")
    for _ in range(3):
        add_one(x, y)
    again = torch.zeros(N, device="cuda")
    assert "_launch" not in python_calls(lambda: add_one(x, again))
    launch = add_one.prepare(again, again)
    launch()
    assert torch.equal(again, x + 2)


def test_numbers_by_value() -> None:
    for dtype in (torch.float32, torch.float16, torch.int32, torch.int64):
        x = torch.arange(128, device="cuda").to(dtype)
        for factor, less, all_ in ((2, -3, True), (3, 5, True), (4, 1, False)):
            y = torch.zeros_like(x)
            scaled(x, y, factor, less, all_)
            assert torch.equal(y, x * factor + less if all_ else y * 0)
    y = torch.zeros(64, dtype=torch.int32, device="cuda")
    for n in (1, -1, 2**31 - 1, -(2**31)):
        fill[1](y, n)
        assert bool((y == n).all())


def test_views() -> None:
    """Strides, offsets, and a tensor of torch that is transposed."""

    @tv.kernel("x: f32[M, N], y: f32[M, N]", grid=lambda **_: 1)
    def copied(x: tv.Tensor, y: tv.Tensor):
        y.store((0, 0), x.load((0, 0), (16, 32)))

    whole = numbers(64 * 64).reshape(64, 64)
    for x in (whole[3:19, 5:37], whole.T[3:19, 5:37], whole[3:50:3, 1:64:2]):
        y = torch.zeros(x.shape, device="cuda")
        copied(x, y)
        assert torch.equal(y, x)


def test_atomics_and_sums() -> None:
    counts = torch.zeros(4, dtype=torch.int32, device="cuda")
    tally(torch.tensor([0, 1, 1, 3, 3, 3, -1, 2], dtype=torch.int32, device="cuda"), counts)
    assert counts.tolist() == [1, 2, 1, 3]
    y = torch.zeros(1, device="cuda")
    total(numbers(128), y)
    assert y.item() == 127 * 64


@pytest.mark.parametrize("calls", [1, 3], ids=["first", "prepared"])
def test_the_current_stream(calls: int) -> None:
    """While a stream is held up, what is launched on it has not run; behind it all is in order."""
    side, x, y = torch.cuda.Stream(), torch.zeros(N, device="cuda"), torch.zeros(N, device="cuda")
    assert add_one.compile(x, y).build.artifact.loaded, "a driver loads code when the card has nothing else to do"
    for _ in range(calls - 1):
        add_one(x, y)
    torch.cuda.synchronize()
    with torch.cuda.stream(side):
        torch.cuda._sleep(LONG)
        x.fill_(5.0)
        add_one(x, y)
        done = side.record_event()
    assert not done.query(), "it waits behind what holds the stream up"
    add_one(torch.ones(8, device="cuda"), torch.zeros(8, device="cuda"))  # on the default one, which runs on
    side.synchronize()
    assert bool((y == 6.0).all())


@pytest.mark.parametrize("kind", ["torch", "handle", "cupy"])
def test_a_stream_that_is_given(kind: str) -> None:
    side: Any = torch.cuda.Stream()
    if kind == "cupy" and cupy is None:
        pytest.skip("CuPy is not installed")
    given = {
        "torch": lambda: side,
        "handle": lambda: side.cuda_stream,
        "cupy": lambda: stream_of_cupy(side),
    }[kind]()
    for _ in range(3):
        x, y = torch.zeros(N, device="cuda"), torch.zeros(N, device="cuda")
        torch.cuda.synchronize()
        with torch.cuda.stream(side):
            torch.cuda._sleep(LONG // 10)
            x.fill_(5.0)
        add_one(x, y, stream=given)
        side.synchronize()
        assert bool((y == 6.0).all())


def stream_of_cupy(side: Any) -> Any:
    """The same stream, as an object of CuPy. It is kept: releases of CuPy end a stream of another's with their own."""
    made = getattr(cupy.cuda.Stream, "from_external", None)  # of newer releases, which warn of the other way
    BORROWED.append(made(side) if made is not None else cupy.cuda.ExternalStream(side.cuda_stream))
    return BORROWED[-1]


@pytest.mark.parametrize("calls", [1, 3], ids=["first", "prepared"])
def test_a_graph_holds_launches(calls: int) -> None:
    @tv.kernel("x: f32[N], y: f32[N]", grid=lambda N, **_: tv.cdiv(N, 128))
    def twice(x: tv.Tensor, y: tv.Tensor):
        at = tv.program_id(0) * 128
        y.store(at, x.load(at, 128) * 2.0)

    x, y, z = (torch.zeros(N, device="cuda") for _ in range(3))
    for _ in range(calls - 1):
        twice(x, y)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        twice(x, y)
        add_one(y, z)
    for n in (3.0, 4.0):
        x.fill_(n)
        graph.replay()
        assert bool((z == 2 * n + 1).all())


def test_what_has_to_wait_is_refused_in_a_graph() -> None:
    x, y = torch.zeros(256).numpy(), torch.zeros(256, device="cuda")
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y.add_(1.0)
        with pytest.raises(tv.TileError, match="cannot be part of a CUDA graph"):
            copy(x, x.copy(), device="cuda:0", stream=torch.cuda.current_stream())
    graph.replay()
    assert bool((y == 1.0).all())


def test_threads_launch_side_by_side() -> None:
    wrong: list[int] = []

    def work(number: int) -> None:
        with torch.cuda.stream(torch.cuda.Stream()):
            for _ in range(50):
                x, y = torch.full((N,), float(number), device="cuda"), torch.zeros(N, device="cuda")
                add_one(x, y)
                if not bool((y == number + 1).all()):
                    wrong.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_seconds_between_marks() -> None:
    torch.cuda.synchronize()
    mark, stream = cards("cuda").mark, torch.cuda.current_stream()
    first = mark(0, stream)
    torch.cuda._sleep(LONG)
    second = mark(0, stream)
    assert 0.01 < second.since(first) < 10.0


def test_grids_that_the_card_does_not_count() -> None:
    @tv.kernel("y: i32[N]", grid=lambda N, **_: (1, N))
    def numbered(y: tv.Tensor):
        y.store(tv.program_id(1), tv.full(1, tv.program_id(1).to(tv.i32), tv.i32))

    n = 70_000
    for _ in range(3):
        y = torch.zeros(n, dtype=torch.int32, device="cuda")
        numbered(y)
        assert torch.equal(y, torch.arange(n, dtype=torch.int32, device="cuda"))
