"""A kernel's way onto a card, call by call, and the numbers that it gives there."""

from __future__ import annotations

import ctypes
import gc
import mmap
import os
import re
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tilevm as tv
from tests.cuda.kernels import add_one, fill, pointed, reversed_pairs, scaled, tally, total, turned
from tests.cuda.standin import OLD, OnCard, Stub
from tilevm.backend import place
from tilevm.backends.ptx.assemble import at_hand
from tilevm.backends.ptx.cuda.start import Attribute

Golden = Callable[[str, str], None]


def calls(stub: Stub) -> str:
    """The log, without what differs from run to run: places of the host's memory modulo 256."""
    text = re.sub(r"^  [0-9a-f]{16}$", "  (an address)", stub.log(), flags=re.MULTILINE)
    return re.sub(r"0x[0-9a-f]+", "0x…", re.sub(r"cuMemAlloc \d+", "cuMemAlloc …", text))


def test_every_call_of_a_first_launch(stub: Stub, golden: Golden) -> None:
    stub.version(OLD)
    x, y = stub.put(np.ones(1000, np.float32)), stub.put(np.zeros(1000, np.float32))
    stub.log()
    add_one(x, y)
    golden("cuda/first_launch.txt", stub.log())


def test_a_second_launch_is_a_launch_and_no_more(stub: Stub, golden: Golden) -> None:
    stub.version(OLD)
    x, y = stub.put(np.ones(1000, np.float32)), stub.put(np.zeros(1000, np.float32))
    add_one(x, y)
    stub.log()
    add_one.compile(x, y)(x, y)
    golden("cuda/second_launch.txt", re.sub(r"cuPointerGetAttribute.*\n", "", stub.log()))  # how the card was found


def test_every_call_with_the_hosts_memory(stub: Stub, golden: Golden) -> None:
    stub.version(OLD)
    x, y = np.ones(1000, np.float32), np.zeros(1000, np.float32)
    add_one(x, y, device="cuda:0")
    stub.log()
    add_one(x, y, device="cuda:0")
    golden("cuda/hosts_memory.txt", calls(stub))
    assert stub.live() == {"contexts": 1, "modules": 1, "events": 0, "streams": 0, "memory": 0}
    assert stub.depth() == 0


@pytest.mark.skipif(not at_hand(), reason="no assembler of PTX here")
def test_machine_code_where_the_driver_takes_it(stub: Stub) -> None:
    x, y = stub.put(np.ones(1000, np.float32)), stub.put(np.zeros(1000, np.float32))
    compiled = add_one.compile(x, y)
    assert compiled.binary[:4] == b"\x7fELF" and compiled.target == "sm_80" and compiled.device == "cuda:0"
    compiled(x, y)
    assert "cuModuleLoadDataEx cubin mode=2" in stub.log()


def test_ptx_where_the_assembler_is_newer_than_the_driver(stub: Stub) -> None:
    stub.version(OLD)
    x, y = stub.put(np.ones(1000, np.float32)), stub.put(np.zeros(1000, np.float32))
    compiled = add_one.compile(x, y)
    assert compiled.binary.startswith(b".version 7.0") and set(compiled.resources) == {"threads", "shared"}
    compiled(x, y)
    assert "cuModuleLoadDataEx ptx mode=2" in stub.log()


def test_numbers_with_the_hosts_memory(stub: Stub) -> None:
    stub.run_kernels()
    x = np.arange(1000, dtype=np.float32)
    y = np.zeros_like(x)
    add_one(x, y, device="cuda")
    assert stub.problems == [] and (y == x + 1).all() and (x == np.arange(1000)).all()


def test_numbers_in_a_cards_memory(stub: Stub) -> None:
    stub.run_kernels()
    x = np.arange(1000, dtype=np.float32)
    there, out = stub.put(x), stub.put(np.zeros_like(x))
    add_one(there, out)
    assert stub.problems == [] and (out.get() == x + 1).all()


def test_only_what_is_written_comes_back(stub: Stub) -> None:
    stub.version(OLD)
    x, y = np.ones(1000, np.float32), np.zeros(500, np.float32)
    x.flags.writeable = False
    add_one(x[:500], y, device="cuda:0")
    assert re.findall(r"cuMemcpyDtoHAsync (\d+)", stub.log()) == ["2000"]


def test_views_that_overlap_are_one_piece(stub: Stub) -> None:
    stub.run_kernels()
    base = np.arange(2000, dtype=np.float32)
    add_one(base[::2], base[1::2], device="cuda:0")
    assert stub.problems == [] and (base[1::2] == base[::2] + 1).all()
    assert stub.calls("cuMemcpyHtoDAsync") == stub.calls("cuMemcpyDtoHAsync") == 1


def test_of_a_view_its_own_elements_are_copied(stub: Stub) -> None:
    stub.run_kernels()
    base = np.arange(4000, dtype=np.float32)
    add_one(base[100:200], base[1100:1000:-1], device="cuda:0")
    assert stub.problems == [] and (base[1001:1101] == np.arange(199, 99, -1) + 1).all()
    assert re.findall(r"cuMemcpy\w+ (\d+)", stub.log()) == ["400"] * 3


def test_of_a_pointer_all_that_its_owner_has(stub: Stub) -> None:
    stub.run_kernels()
    base = np.zeros(100, np.int32)
    pointed[1](base[10:20], device="cuda:0")
    assert stub.problems == [] and base.nonzero()[0].tolist() == [9, 42]
    assert re.findall(r"cuMemcpy\w+ (\d+)", stub.log()) == ["400"] * 2


def test_strides_of_either_sign(stub: Stub) -> None:
    stub.run_kernels()
    x = np.arange(64, dtype=np.int32).reshape(4, 16)
    y = np.zeros((16, 4), np.int32)
    reversed_pairs(x[::-1], y.T, device="cuda:0")
    assert stub.problems == [] and (y.T == x[::-1]).all()


@pytest.mark.parametrize("factor", [0.5, 3, -2.25])
@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_numbers_by_value(stub: Stub, kind: str, factor: float) -> None:
    stub.run_kernels()
    x = np.arange(100).astype(kind)
    y = np.zeros_like(x)
    scaled(x, y, np.dtype(kind).type(factor), -3, True, device="cuda:0")
    assert stub.problems == [] and (y == x * np.dtype(kind).type(factor) - 3).all()


def test_atomics(stub: Stub) -> None:
    stub.run_kernels()
    counts = np.zeros(7, np.int32)
    tally(np.array([0, 3, 3, 6, 6, 6], np.int32), counts[1:], device="cuda:0")
    assert stub.problems == [] and counts.tolist() == [0, 1, 0, 0, 2, 0, 0]


def test_tensors_of_no_elements(stub: Stub) -> None:
    stub.run_kernels()
    x, y = np.zeros((0,), np.float32), np.zeros(1, np.float32)
    total(x, y, device="cuda:0")
    assert stub.problems == [] and y.tolist() == [0.0]
    add_one(x, x.copy(), device="cuda:0")  # no programs at all
    assert stub.calls("cuLaunchKernelEx") == 1


def test_tensors_of_no_elements_are_where_the_others_are(stub: Stub) -> None:
    """One of CuPy's, say, begins at 0: no card has memory there."""
    stub.card(1, (9, 0))
    stub.run_kernels()
    nothing = OnCard(stub, 0, np.zeros(0, np.float32))
    for y in (np.ones(1, np.float32), stub.put(np.ones(1, np.float32), 1), stub.put(np.ones(1, np.float32), 0)):
        total(nothing, y)
        assert (y if isinstance(y, np.ndarray) else y.get()).tolist() == [0.0]
    total(nothing, y := np.ones(1, np.float32), device="cuda:1")
    add_one.compile(nothing, nothing, device="cuda:1")(nothing, nothing)
    assert stub.problems == [] and y.tolist() == [0.0]
    assert place("cuda").name == add_one.compile(nothing, nothing).device == "cuda:0"


def test_a_kernel_without_tensors_on_the_host(stub: Stub) -> None:
    stub.run_kernels()
    y = np.zeros(64, np.int32)
    fill[1](y, 7, device="cuda:0")
    assert stub.problems == [] and (y == 7).all()


def test_more_shared_memory_than_is_free_is_asked_for(stub: Stub) -> None:
    stub.version(OLD)
    wide = np.zeros((128, 128), np.float32)
    turned.compile(wide, wide, device="cuda:0")(wide, wide)
    log = stub.log()
    asked = re.findall(r"cuFuncSetAttribute turned 8=(\d+)", log)
    assert asked == re.findall(r"shared=(\d+)", log) and int(asked[0]) > 48 * 1024


def test_contexts_of_others_stay_current(stub: Stub) -> None:
    stub.run_kernels()
    stub.card(1, (8, 0))
    x = np.arange(300, dtype=np.float32)
    on_first, on_second = ((stub.put(x, card), stub.put(np.zeros_like(x), card)) for card in (0, 1))
    add_one(*on_first)
    add_one(*on_second)
    assert stub.problems == [] and stub.depth() == 0
    for _, out in (on_first, on_second):
        assert (out.get() == x + 1).all()
    assert stub.live()["contexts"] == 2
    assert add_one.compile(*on_second).target == "sm_80"


def test_threads_launch_side_by_side(stub: Stub) -> None:
    stub.version(OLD)
    pairs = [(stub.put(np.ones(300, np.float32)), stub.put(np.zeros(300, np.float32))) for _ in range(4)]
    workers = [threading.Thread(target=add_one, args=pair) for pair in pairs]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert stub.calls("cuLaunchKernelEx") == 4
    assert stub.live()["modules"] == 1 and stub.live()["contexts"] == 1


def test_launching_natively(stub: Stub, golden: Golden) -> None:
    """The starter, called as prepared launches do."""
    stub.version(OLD)
    x, y = stub.put(np.ones(1000, np.float32)), stub.put(np.zeros(1000, np.float32))
    artifact: Any = add_one.compile(x, y).build.artifact
    starter = artifact.starter()
    del artifact
    gc.collect()
    pointer, int_ = ctypes.c_void_p, ctypes.c_int32
    launch = ctypes.CFUNCTYPE(int_, pointer, pointer, ctypes.c_int64, int_, int_, int_)(starter.address)
    values = [ctypes.c_uint64(v) for v in (x.address, 1000, y.address, 1000)]
    slots = (ctypes.c_void_p * 4)(*map(ctypes.addressof, values))
    stub.log()
    stream = stub.stream(5)
    assert launch(starter.context, ctypes.addressof(slots), stream, 4, 1, 1) == 0
    golden("cuda/native_launch.txt", stub.log())
    stub.log()
    assert launch(starter.context, ctypes.addressof(slots), stream, 4, 0, 1) == 0 and stub.log() == ""
    assert launch(starter.context, ctypes.addressof(slots), stream, 4, 1, 70000) == -1 and stub.log() == ""
    with pytest.raises(
        tv.TileError, match="70000 x 1 x 70000 programs are 4900000000, and cuda:0 counts to 2147483647"
    ):
        starter.long(ctypes.addressof(slots), stream, 70000, 1, 70000)
    stub.fail("cuLaunchKernelEx", 701)
    code = launch(starter.context, ctypes.addressof(slots), 0, 4, 1, 1)
    with pytest.raises(tv.TileError, match="launching add_one fails on cuda:0") as caught:
        starter.fail(code, 0, 4, 1, 1)
    golden("cuda/native_refusal.txt", str(caught.value))


def test_a_kernel_that_is_watched_has_no_starter(stub: Stub) -> None:
    os.environ["TILEVM_DEBUG"] = "1"
    x = stub.put(np.ones(1000, np.float32))
    artifact: Any = add_one.compile(x, x).build.artifact
    assert artifact.starter() is None


CAPABILITIES = {(8, 0): "sm_80", (8, 6): "sm_86", (8, 7): "sm_80", (8, 9): "sm_89", (9, 0): "sm_80", (12, 0): "sm_89"}
SHARED = {(8, 6): 99 << 10, (8, 7): 163 << 10, (8, 9): 99 << 10, (12, 0): 99 << 10}  # of a block, where it is less


@pytest.mark.parametrize("capability", CAPABILITIES, ids=str)
def test_the_target_that_suits_a_card(stub: Stub, capability: tuple[int, int]) -> None:
    """Its own, or one whose blocks may have as much shared memory as the card has."""
    stub.card(0, capability)
    stub.limit(97, SHARED.get(capability, 227 << 10))
    found = place("cuda:0")
    assert found.target == CAPABILITIES[capability]
    runs = {"sm_80": 80, "sm_86": 86, "sm_89": 89}
    assert {found.target, *found.others} == {n for n, m in runs.items() if m <= 10 * capability[0] + capability[1]}
    x = np.zeros(1000, np.float32)
    assert add_one.compile(x, x, device="cuda", target="sm_80").target == "sm_80"


def test_a_prepared_launch_on_a_stream(stub: Stub, golden: Golden) -> None:
    stub.version(OLD)
    x, y = stub.put(np.ones(1000, np.float32)), stub.put(np.zeros(1000, np.float32))
    again = add_one.prepare(x, y, stream=stub.stream(7))
    stub.log()
    again()
    again()
    golden("cuda/prepared.txt", stub.log())


def test_a_prepared_launch_goes_where_the_owners_work_is(stub: Stub) -> None:
    x, y = (stub.put(np.ones(1000, np.float32), stream=stub.stream(5)) for _ in range(2))
    again = add_one.prepare(x, y)
    stub.log()
    again()
    assert "stream=5 " in stub.log()


def test_a_prepared_launch_with_the_hosts_memory(stub: Stub) -> None:
    """It is copied at every call: what it holds may have changed."""
    stub.run_kernels()
    x, y = np.zeros(100, np.float32), np.zeros(100, np.float32)
    for again in (add_one.prepare(x, y, device="cuda:0", **how) for how in ({}, {"stream": stub.stream(7)})):
        for n in range(3):
            x[:] = n
            again()
            assert stub.problems == [] and (y == n + 1).all()


@pytest.mark.parametrize("named", [False, True], ids=["current", "named"])
def test_calls_that_come_again_with_the_hosts_memory(stub: Stub, named: bool) -> None:
    stub.run_kernels()
    how = {"stream": stub.stream(7)} if named else {}
    for n in range(20):
        x, y = np.full(100, n, np.float32), np.zeros(100, np.float32)
        add_one(x, y, device="cuda:0", **how)
        assert stub.problems == [] and (y == n + 1).all()


@pytest.mark.parametrize("begin", [4, 48, 252])
def test_copies_are_aligned_as_the_hosts_memory(stub: Stub, begin: int) -> None:
    stub.version(OLD)
    x, y = (np.frombuffer(mmap.mmap(-1, 2048), np.float32, 100, begin) for _ in range(2))
    add_one(x, y, device="cuda:0")
    places = re.findall(r"cuMemcpyHtoDAsync 400 to (0x[0-9a-f]+)", stub.log())
    assert [int(at, 16) % 256 for at in places] == [begin, begin]


def test_strided_memory_of_a_card(stub: Stub) -> None:
    stub.run_kernels()
    base = np.arange(64, dtype=np.int32).reshape(4, 16)
    held, out = stub.put(base), stub.put(np.zeros((16, 4), np.int32))
    backwards = OnCard(stub, held.address + 3 * 64, base[::-1])
    reversed_pairs(backwards, OnCard(stub, out.address, np.zeros((16, 4), np.int32).T))
    assert stub.problems == [] and (out.get().T == base[::-1]).all()


def test_attributes_of_a_launch(stub: Stub) -> None:
    x = stub.put(np.ones(1000, np.float32))
    compiled = add_one.compile(x, x)
    artifact: Any = compiled.build.artifact
    words = ctypes.c_uint32 * 16
    artifact.attributes = (Attribute(4, words(2, 1, 1)), Attribute(6, words(1)))  # clusters of 2, and overlap
    compiled(x, x)
    log = stub.log()
    assert "attributes=2\n  attribute 4: 2 1 1\n  attribute 6: 1 0 0\n" in log
