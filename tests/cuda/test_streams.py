"""The stream of a launch, and what it waits for."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tests.cuda.kernels import add_one, asserted
from tests.cuda.standin import Stub
from tests.runtime.capsules import Exporter
from tilevm.optional import require

X = np.ones(1000, np.float32)
Golden = Callable[[str, str], None]


@dataclass
class OfTorch:
    cuda_stream: int


@dataclass
class OfCupy:
    ptr: int


@dataclass
class Protocol:
    handle_: int

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self.handle_


def bound(handle: int) -> Any:
    return require("cuda.bindings.driver", "a stream", "cuda").CUstream(handle)


def launched(stub: Stub) -> list[str]:
    """The streams of the launches so far, as the log calls them."""
    return re.findall(r"cuLaunchKernelEx .* stream=(\d+)", stub.log())


@pytest.mark.parametrize("kind", ["int", "OfTorch", "OfCupy", "Protocol", "bound"])
def test_given(stub: Stub, kind: str) -> None:
    make: Any = {"int": int, "OfTorch": OfTorch, "OfCupy": OfCupy, "Protocol": Protocol, "bound": bound}[kind]
    x, y = stub.put(X), stub.put(X)
    add_one(x, y, stream=make(stub.stream(7)))
    add_one.compile(x, y)(x, y, stream=make(stub.stream(8)))
    add_one.compile(x, y)[2](x, y, stream=make(stub.stream(9)))
    assert launched(stub) == ["7", "8", "9"]


def test_one_code_for_all_streams(stub: Stub) -> None:
    x, y = stub.put(X), stub.put(X)
    for number in (3, 4):
        add_one(x, y, stream=stub.stream(number))
    assert stub.live()["modules"] == 1


def test_the_default_one(stub: Stub) -> None:
    add_one(stub.put(X), stub.put(X))
    assert launched(stub) == ["0"]


def test_the_owners(stub: Stub) -> None:
    """What CuPy and others say of theirs: it is where their work is, so the launch is ordered behind it."""
    stream = stub.stream(5)
    add_one(stub.put(X, stream=stream), stub.put(X, stream=stream))
    log = stub.log()
    assert "stream=5" in log and "cuEvent" not in log


def test_waiting_for_an_owners_other_stream(stub: Stub, golden: Golden) -> None:
    x, y = stub.put(X, stream=stub.stream(5)), stub.put(X, stream=stub.stream(6))
    found = add_one.compile(x, y)
    found(x, y)
    stub.log()
    found(x, y, stream=stub.stream(7))
    golden("cuda/waiting.txt", re.sub(r"cuPointerGetAttribute.*\n", "", "\n".join(sorted_waits(stub.log()))))
    assert stub.live()["events"] == 0


def sorted_waits(log: str) -> list[str]:
    """The lines, the two owners' in order: which is first is not said."""
    lines = log.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("cuEventCreate"))
    groups = sorted(lines[first + 4 * i : first + 4 * i + 4] for i in range(2))
    return [*lines[:first], *groups[0], *groups[1], *lines[first + 8 :]]


def test_capsules_are_ordered_by_the_default_stream(stub: Stub) -> None:
    x, y = stub.put(X), stub.put(X)
    add_one(Exporter(x.address, (1000,)), Exporter(y.address, (1000,)))
    log = stub.log()
    assert "stream=1 " in log and "cuEvent" not in log
    add_one(Exporter(x.address, (1000,)), y, stream=stub.stream(4))
    assert re.findall(r"cuStreamWaitEvent (\d+)", stub.log()) == ["4"]
    add_one(Exporter(x.address, (1000,)), y, stream=0)
    assert "cuEvent" not in stub.log(), "both stand for the default one"


def test_capsules_give_numbers(stub: Stub) -> None:
    stub.run_kernels()
    x, y = stub.put(np.arange(1000, dtype=np.float32)), stub.put(X)
    add_one(Exporter(x.address, (500,), (2,)), Exporter(y.address, (500,), offset=2000, version=None))
    assert stub.problems == [] and (y.get()[500:] == np.arange(0, 1000, 2) + 1).all()


def test_a_launch_may_be_captured(stub: Stub, golden: Golden) -> None:
    """Loading too: a graph is often captured the first time that a kernel is called."""
    x, y = stub.put(X), stub.put(X)
    stub.version(11080)
    stub.log()
    add_one(x, y, stream=stub.stream(7, capturing=True))
    log = stub.log()
    assert launched_in(log) == ["7"]
    forbidden = ("Synchronize", "cuMemAlloc", "cuMemFree", "cuMemcpy", "cuEvent")
    assert [word for word in forbidden if word in log] == []
    assert "cuModuleLoadDataEx ptx mode=2" in log and "cuThreadExchangeStreamCaptureMode 0" in log


def launched_in(log: str) -> list[str]:
    return re.findall(r"cuLaunchKernelEx .* stream=(\d+)", log)


def test_debugging_does_not_wait_for_a_capture(stub: Stub) -> None:
    os.environ["TILEVM_DEBUG"] = "1"
    add_one(stub.put(X), stub.put(X), stream=stub.stream(7, capturing=True))
    add_one(stub.put(X), stub.put(X), stream=stub.stream(8))
    assert re.findall(r"cuStreamSynchronize (\d+)", stub.log()) == ["8"]


def test_the_hosts_memory_is_copied_on_the_stream(stub: Stub) -> None:
    add_one(X, X.copy(), device="cuda:0", stream=stub.stream(7))
    log = stub.log()
    assert set(re.findall(r"stream=(\d+)", log)) == {"7"} and "cuStreamSynchronize 7" in log


def test_what_is_told_is_read_behind_the_stream(stub: Stub) -> None:
    os.environ["TILEVM_DEBUG"] = "1"
    asserted(stub.put(X), stub.put(X), stream=stub.stream(7))
    assert "cuStreamSynchronize 7" in stub.log()
