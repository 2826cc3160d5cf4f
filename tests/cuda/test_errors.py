"""What callers read when a card cannot do what they ask: both facts, and the mend."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

import numpy as np
import pytest

import tilevm as tv
from tests.cuda.faulted import FAULTS
from tests.cuda.given import X, here, host, pair, read_before
from tests.cuda.kernels import add_one, asserted, turned
from tests.cuda.standin import OLD, OnCard, Stub


def failing(name: str, code: int, log: str = "", version: int = 13000) -> Callable[[Stub], None]:
    """A launch in which a function of the driver gives a result."""

    def case(stub: Stub) -> None:
        stub.version(version)
        stub.fail(name, code, log=log)
        (host if "Mem" in name else here)(stub)

    return case


def loading(code: int, log: str = "") -> Callable[[Stub], None]:
    return failing("cuModuleLoadDataEx", code, log, OLD)


def launching(code: int) -> Callable[[Stub], None]:
    return failing("cuLaunchKernelEx", code)


def old_card(stub: Stub) -> None:
    stub.card(0, (7, 5), "Stub T4")
    here(stub)


def old_driver(stub: Stub) -> None:
    stub.version(11040)
    here(stub)


def hidden(stub: Stub) -> None:
    stub.cards(0)
    here(stub)


def no_such_card(stub: Stub) -> None:
    stub.card(1, (8, 0))
    add_one(X, X, device="cuda:2")


def other_target(stub: Stub) -> None:
    stub.card(0, (8, 0))
    here(stub, target="sm_89")


def many_threads(stub: Stub) -> None:
    stub.function(0, 64)
    stub.function(4, 255)
    here(stub)


def much_shared_memory(stub: Stub) -> None:
    stub.limit(97, 60 << 10)
    wide = np.zeros((128, 128), np.float32)
    turned(wide, wide, device="cuda:0")


def forked(stub: Stub) -> None:
    """What the driver says to the child of a process that has used it."""
    here(stub)
    stub.fail("cuCtxGetCurrent", 3)
    here(stub)


SILENT = ("cuCtxGetCurrent", "cuLaunchKernelEx", "cuDeviceGetAttribute", "cuStreamGetCtx", "cuPointerGetAttribute")


def forked_with_tensors(stub: Stub) -> None:
    """A child looks for the card of a tensor before all else."""
    x, y = pair(stub)
    add_one(x, y)
    for name in SILENT:
        stub.fail(name, 3)
    add_one(x, y)


def forked_and_bound(stub: Stub) -> None:
    """The kernel is told, and none of its arguments or of the stream is blamed."""
    x, y = pair(stub)
    go = add_one.prepare(x, y, stream=stub.stream(7))
    go()
    for name in SILENT:
        stub.fail(name, 3)
    go()


def large_grid(stub: Stub) -> None:
    add_one[1, 70000, 70000](*pair(stub))


def much_memory(stub: Stub) -> None:
    stub.card(0, (9, 0), memory=255)
    host(stub)


def freed(stub: Stub) -> None:
    x, y = pair(stub)
    found = add_one.compile(x, y)
    argument = read_before(x)
    stub.free(x)
    stub.fail("cuLaunchKernelEx", 1)
    found.run(None, [argument, read_before(y)])


def freed_while_debugging(stub: Stub) -> None:
    os.environ["TILEVM_DEBUG"] = "1"
    x, y = pair(stub)
    found, arguments = add_one.compile(x, y), [read_before(x), read_before(y)]
    stub.free(y)
    found.run(None, arguments)


def freed_and_passed(stub: Stub) -> None:
    x, y = pair(stub)
    stub.free(x)
    add_one(x, y)


def foreign_stream(stub: Stub) -> None:
    add_one(*pair(stub), stream=stub.stream(7, foreign=True))


def no_stream(stub: Stub) -> None:
    add_one(*pair(stub), stream="fast")


def stream_of_the_host(stub: Stub) -> None:
    add_one(X, X.copy(), stream=stub.stream(7))


def captured_copies(stub: Stub) -> None:
    here(stub, stream=stub.stream(7, capturing=True))


def captured_assertion(stub: Stub) -> None:
    os.environ["TILEVM_DEBUG"] = "1"
    asserted(*pair(stub), stream=stub.stream(7, capturing=True))


def two_cards(stub: Stub) -> None:
    stub.card(1, (9, 0))
    add_one(stub.put(X, 0), stub.put(X, 1))


def host_and_card(stub: Stub) -> None:
    add_one(X, stub.put(X))


def another_card(stub: Stub) -> None:
    stub.card(1, (9, 0))
    add_one(*pair(stub, 1), device="cuda:0")


def on(device: str) -> Callable[[Stub], None]:
    return lambda stub: add_one(*pair(stub), device=device)


def compiled_for_the_host(stub: Stub) -> None:
    add_one.compile(X, X)(*pair(stub))


def compiled_for_another_card(stub: Stub) -> None:
    stub.card(1, (9, 0))
    add_one.compile(*pair(stub))(*pair(stub, 1))


def read_only(stub: Stub) -> None:
    add_one(stub.put(X), stub.put(X, writable=False))


def complex_numbers(stub: Stub) -> None:
    add_one(stub.put(X.astype(np.complex64)), stub.put(X))


def between_elements(stub: Stub) -> None:
    odd = np.zeros(16, [("a", "f4"), ("b", "i1")])["a"]
    held = OnCard(stub, stub.put(X).address, odd)
    add_one(held, stub.put(X))


CASES: dict[str, Callable[[Stub], None]] = {
    "no card": failing("cuInit", 100),
    "driver of two versions": failing("cuInit", 803),
    "the toolkit's stub": failing("cuInit", 34),
    "an unknown result": failing("cuInit", 12345),
    "forked": forked,
    "forked with tensors": forked_with_tensors,
    "forked and bound": forked_and_bound,
    "not started": failing("cuInit", 3),
    "driver without a version": failing("cuDriverGetVersion", 1),
    "old driver": old_driver,
    "old card": old_card,
    "hidden cards": hidden,
    "no such card": no_such_card,
    "a card held by another": failing("cuDevicePrimaryCtxRetain", 46),
    "no memory for a context": failing("cuDevicePrimaryCtxRetain", 2),
    "a target of newer cards": other_target,
    "a target that is not emitted": lambda stub: here(stub, target="sm_90a"),
    "refused PTX": loading(218, "ptxas application ptx input, line 7; error   : Unexpected instruction types"),
    "newer PTX": loading(222),
    "code of another card": failing("cuModuleLoadDataEx", 209),
    "no image": failing("cuModuleLoadDataEx", 200),
    "no compiler": loading(221),
    "no entry": failing("cuModuleGetFunction", 500),
    "many threads": many_threads,
    "much shared memory": much_shared_memory,
    "large grid": large_grid,
    "much memory": much_memory,
    "copy refused": failing("cuMemcpyHtoDAsync", 1),
    "copy back refused": failing("cuMemcpyDtoHAsync", 1),
    "free refused": failing("cuMemFree", 1),
    "invalid launch": launching(1),
    "launch of no name": launching(98),
    "launch too large": launching(701),
    "launch into a broken capture": launching(901),
    "context gone": failing("cuCtxPushCurrent", 709),
    "context not asked": failing("cuCtxGetCurrent", 4),
    "freed": freed,
    "freed while debugging": freed_while_debugging,
    "freed and passed": freed_and_passed,
    "foreign stream": foreign_stream,
    "no stream": no_stream,
    "stream of the host": stream_of_the_host,
    "captured copies": captured_copies,
    "captured assertion": captured_assertion,
    **FAULTS,
    "two cards": two_cards,
    "host and card": host_and_card,
    "another card": another_card,
    "card's tensor on the CPU": on("cpu"),
    "card's tensor on the emulator": on("emulator"),
    "compiled for the host": compiled_for_the_host,
    "compiled for another card": compiled_for_another_card,
    "read-only": read_only,
    "complex": complex_numbers,
    "between elements": between_elements,
    "misspelt": on("coda:0"),
    "no number": on("cuda:x"),
    "another family": on("hip:0"),
}


def page(error: tv.TileError) -> str:
    """Addresses differ from run to run, and so does what the assembler's release made of a kernel."""
    return re.sub(r"0x[0-9a-f]+", "0x…", str(error))


@pytest.mark.parametrize("case", CASES)
def test_messages(stub: Stub, golden: Callable[[str, str], None], case: str) -> None:
    with pytest.raises(tv.TileError) as caught:
        CASES[case](stub)
    golden(f"cuda/errors/{case.replace(' ', '_')}.txt", page(caught.value))
    assert stub.depth() == 0, "the thread's contexts are as before"


def test_a_refused_launch_leaves_nothing_behind(stub: Stub) -> None:
    for name in ("cuMemcpyHtoDAsync", "cuLaunchKernelEx", "cuMemcpyDtoHAsync", "cuStreamSynchronize"):
        stub.fail(name, 1)
        with pytest.raises(tv.TileError, match="fails on cuda:0"):
            here(stub)
        assert stub.live()["memory"] == 0 and stub.depth() == 0
    here(stub)
