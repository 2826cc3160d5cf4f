"""Launches on a card that native code makes."""

from __future__ import annotations

import gc
import re
import weakref
from collections.abc import Callable

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

import tilevm as tv
from tests.conftest import Golden
from tests.cuda.kernels import add_one, fill, scaled
from tests.cuda.native import Lent, Named, Other, Shown, put
from tests.cuda.standin import OLD, Stub
from tests.launch.calls import python_calls
from tilevm.runtime.launch import repeats
from tilevm.types import SMALL


def soon(stub: Stub) -> None:
    """Calls are prepared after the first, and kernels run."""
    repeats.WORTH = range(1, 1000)
    stub.run_kernels()


def test_kernels_run(stub: Stub) -> None:
    soon(stub)
    x = put(stub, np.arange(1000, dtype=np.float32))
    for n in range(6):
        y = put(stub, np.zeros(1000, np.float32))
        calls = python_calls(lambda y=y: add_one(x, y))
        assert ("_launch" in calls) is (n == 0), calls
        assert (y.get() == np.arange(1000) + 1).all()
    assert stub.problems == [] and Shown.asked == 5


def test_the_current_stream(stub: Stub, golden: Golden) -> None:
    soon(stub)
    x, y = (put(stub, np.ones(1000, np.float32)) for _ in range(2))
    for _ in range(2):
        add_one(x, y)
    stub.log()
    Shown.order = stub.stream(5)
    add_one(x, y)
    Shown.order = stub.stream(6)
    add_one(x, y)
    Shown.order = 0
    add_one(x, y)
    bound = add_one.prepare(x, y)
    Shown.order = stub.stream(7)
    bound()
    golden("cuda/prepared_streams.txt", stub.log())


def test_a_stream_that_is_given(stub: Stub, golden: Golden) -> None:
    soon(stub)
    x, y = (put(stub, np.ones(1000, np.float32)) for _ in range(2))
    fifth, sixth = stub.stream(5), stub.stream(6)
    for stream in (fifth, sixth, fifth, sixth):
        add_one(x, y, stream=stream)
    asked = Shown.asked
    stub.log()
    calls = python_calls(lambda: [add_one(x, y, stream=stream) for stream in (fifth, sixth)])
    assert "_launch" not in calls and Shown.asked == asked
    add_one.prepare(x, y, stream=sixth)()
    golden("cuda/prepared_given_streams.txt", stub.log())


def orders(stub: Stub, calls: int, call: Callable[[], object]) -> list[tuple[list[str], list[str]]]:
    """Of so many calls, the streams of launches, and those that wait for others."""
    seen = []
    for _ in range(calls):
        stub.log()
        call()
        log = stub.log()
        seen.append((re.findall(r"cuLaunchKernelEx .* stream=(\d+)", log), re.findall(r"cuStreamWaitEvent (\d+)", log)))
    return seen


def test_the_work_of_owners_is_waited_for_each_time(stub: Stub) -> None:
    """Which stream it is on, a tensor says when it is read, which native code does not."""
    soon(stub)
    held = stub.put(np.ones(1000, np.float32))
    x, y = (Named(stub, held.address, held.like) for _ in range(2))
    fifth, seventh = stub.stream(5), stub.stream(7)
    add_one(x, y)
    x.stream = seventh
    assert orders(stub, 3, lambda: add_one(x, y, stream=fifth)) == [(["5"], ["5"])] * 3
    assert orders(stub, 3, lambda: add_one(x, y)) == [(["7"], [])] * 3
    assert Shown.asked == 0


def test_of_owners_that_give_capsules_too(stub: Stub) -> None:
    """Without a stream that is given, their current one has all their work."""
    soon(stub)
    held = stub.put(np.ones(1000, np.float32))
    x, y, z = (kind(held.address, held.like) for kind in (Lent, Lent, Other))
    fifth, Shown.order = stub.stream(5), stub.stream(6)
    assert orders(stub, 3, lambda: add_one(x, y, stream=fifth)) == [(["5"], ["5"])] * 3
    assert orders(stub, 3, lambda: add_one(x, y)) == [(["1"], []), (["6"], []), (["6"], [])]
    assert orders(stub, 3, lambda: add_one(x, z)) == [(["1"], [])] * 3


class Changing:
    """Stands for one stream, and then for another."""

    number = 0

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self.number


def test_what_may_stand_for_another_stream_is_asked_each_time(stub: Stub) -> None:
    soon(stub)
    x, y = (put(stub, np.ones(1000, np.float32)) for _ in range(2))
    held, seen = Changing(), []
    for n in (5, 5, 6, 7):
        held.number = stub.stream(n)
        stub.log()
        add_one(x, y, stream=held)
        seen += re.findall(r"cuLaunchKernelEx .* stream=(\d+)", stub.log())
    assert seen == ["5", "5", "6", "7"]


def test_a_bound_launcher_asks_it_each_time_too(stub: Stub) -> None:
    x, y = (put(stub, np.ones(1000, np.float32)) for _ in range(2))
    held, seen = Changing(), []
    held.number = stub.stream(5)
    go = add_one.prepare(x, y, stream=held)
    for n in (5, 6):
        held.number = stub.stream(n)
        stub.log()
        go()
        seen += re.findall(r"cuLaunchKernelEx .* stream=(\d+)", stub.log())
    assert seen == ["5", "6"]


class OfCupy:
    """A stream of CuPy: the driver's goes with the object."""

    def __init__(self, handle: int) -> None:
        self.ptr = handle


OfCupy.__module__ = "cupy.cuda.stream"


def test_a_bound_launcher_keeps_its_stream_alive(stub: Stub) -> None:
    x, y = (put(stub, np.ones(1000, np.float32)) for _ in range(2))
    add_one(x, y)
    stream = OfCupy(stub.stream(5))
    go, gone = add_one.prepare(x, y, stream=stream), weakref.ref(stream)
    del stream
    gc.collect()
    stub.log()
    assert python_calls(go) == [] and " stream=5 " in stub.log()
    assert gone() is not None
    del go
    gc.collect()
    assert gone() is None


def test_numbers_and_grids(stub: Stub) -> None:
    soon(stub)
    x, y = put(stub, np.arange(100, dtype=np.float32)), put(stub, np.zeros(100, np.float32))
    for factor, less, all_ in ((2.0, -3, True), (0.5, 7, True), (4, 0, True), (9.0, 0, False)):
        before = y.get()
        for _ in range(2):
            scaled(x, y, factor, less, all_)
        assert (y.get() == (np.arange(100, dtype=np.float32) * factor + less if all_ else before)).all()
    z = put(stub, np.zeros(64, np.int32))
    for n in (1, -1, 2**31 - 1, -(2**31)):
        fill[1](z, n)
        assert (z.get() == n).all()
    assert stub.problems == []


def test_memory_of_the_host_goes_the_long_way(stub: Stub) -> None:
    soon(stub)
    x = np.arange(1000, dtype=np.float32)
    for _ in range(3):
        y = np.zeros(1000, np.float32)
        assert "_launch" in python_calls(lambda y=y: add_one(x, y, device="cuda:0"))
        assert (y == x + 1).all()
    go = add_one.prepare(x, y, device="cuda:0")
    x += 1
    go()
    assert (y == x + 1).all()


def test_refusals_have_their_numbers(stub: Stub, golden: Golden) -> None:
    soon(stub)
    x, z = put(stub, np.ones(1000, np.float32)), put(stub, np.zeros(64, np.int32))
    for _ in range(2):
        add_one(x, x)
        fill[1](z, 3)
    pages = []
    stub.fail("cuLaunchKernelEx", 701)
    with pytest.raises(tv.TileError) as caught:
        add_one(x, x)
    pages.append(str(caught.value))
    with pytest.raises(tv.TileError) as caught:
        fill[65536, 65536](z, 3)
    pages.append(str(caught.value))
    stub.fault(1, 700)
    add_one(x, x)
    with pytest.raises(tv.TileError) as caught:
        fill[1](z, 3)
    pages.append(str(caught.value))
    golden("cuda/prepared_refusals.txt", "\n\n".join(pages))


def test_more_programs_than_an_axis_counts(stub: Stub, golden: Golden) -> None:
    """They go along x, and the kernel is told the grid: as native code finds it, and as Python does."""
    repeats.WORTH = range(1, 1000)
    stub.version(OLD)
    z = put(stub, np.zeros(64, np.int32))
    fill[1](z, 3)
    stub.log()
    fill[2, 65536](z, 3)
    fill.prepare[2, 1, 65537](z, 4)()
    golden("cuda/large_grids.txt", stub.log())


@tv.kernel("w: u4[N, M] packed, y: f32[N, M]", grid=lambda N, **_: N)
def widened(w: tv.Tensor, y: tv.Tensor) -> None:
    i = tv.program_id(0)
    y.store((i, 0), w.load((i, 0), (1, 64)).to(tv.f32))


def test_packed_tensors(stub: Stub) -> None:
    soon(stub)
    codes = np.random.default_rng(0).integers(0, 16, (3, 8, 48)).astype(np.uint8)
    for n, wanted in enumerate(codes):
        w, y = tv.packed(put(stub, tv.pack(wanted, "u4")), "u4", wanted.shape), put(stub, np.zeros((8, 48), np.float32))
        calls = python_calls(lambda w=w, y=y: widened(w, y))
        assert ("_launch" in calls) is (n == 0), calls
        assert (y.get() == wanted).all()
    assert stub.problems == []


def test_the_stream_of_packed_tensors(stub: Stub) -> None:
    """That of their owner's class, and the default one where that has none; one that the owner names is for Python."""
    soon(stub)
    kernel = tv.kernel("w: u8[N] packed", grid=(1,))(first)
    held = np.zeros(64, np.uint8)
    shown, plain = (tv.packed(make(held), "u8", 64) for make in (lambda a: put(stub, a), stub.put))
    ordered = tv.packed(stub.put(held, stream=stub.stream(8)), "u8", 64)
    for w, stream in ((shown, 5), (plain, 0), (ordered, 8), (shown, 5)):
        for _ in range(2):
            kernel(w)
        Shown.order = stub.stream(5)
        stub.log()
        assert ("_launch" in python_calls(lambda w=w: kernel(w))) is (w is ordered)
        assert f" stream={stream} " in stub.log()


def first(w: tv.Tensor) -> None:
    w.store(0, w.load(0, 16))


def test_contexts_of_others(stub: Stub) -> None:
    soon(stub)
    x = put(stub, np.ones(1000, np.float32))
    add_one(x, x)
    depth = stub.depth()
    for _ in range(3):
        add_one(x, x)
    assert stub.depth() == depth


def pitched(stub: Stub, pitch: int) -> Shown:
    """Two rows of 64 bytes, perhaps so far apart that nobody may look at an element."""
    first = put(stub, np.zeros(64, np.uint8))
    return Shown(stub, first.address, as_strided(first.like, (2, 64), (pitch, 1)))


NEAR = (65, 2**20 + 1, -(2**20) - 1, SMALL - 63, 63 - SMALL)
FAR = (SMALL - 62, 62 - SMALL, 2**40 + 1, 2**62 + 1, -(2**62) - 1)


@pytest.mark.parametrize("pitch", [*NEAR, *FAR])
@pytest.mark.parametrize("prepared", [65, 2**33 + 1], ids=["small", "large"])
def test_a_launch_takes_tensors_as_small_as_the_one_it_was_made_for(stub: Stub, prepared: int, pitch: int) -> None:
    """Python launches the others, each the code that was made for such."""
    repeats.WORTH = range(1, 1000)
    y = put(stub, np.zeros(64, np.uint8))
    for _ in range(2):
        first_row(pitched(stub, prepared), y)
    calls = python_calls(lambda: first_row(pitched(stub, pitch), y))
    assert ("_launch" not in calls) is ((pitch in NEAR) is (prepared == 65))


@tv.kernel("x: u8[M, N], y: u8[N]", grid=lambda **_: 1)
def first_row(x: tv.Tensor, y: tv.Tensor) -> None:
    y.store(0, x.load((0, 0), (1, 64)).reshape((64,)))
