"""A process that times launches against a driver that does nothing: nanoseconds a call of each way, as JSON.

Usage: python -m tilevm.bench.launches ROUNDS CALLS, where libcuda.so.1 is that of ``benchmarks/driver.c``. A kernel of
4 tensors and 4 numbers. The driver has no memory, so tensors of the host stand for the card's: what a tensor is asked
for is the same.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

import tilevm as tv
from tilevm.abi import KernelAbi
from tilevm.backend import PLACES, Artifact, Place, load, place
from tilevm.ir import Func
from tilevm.optional import optional, require
from tilevm.runtime import arguments
from tilevm.runtime.arguments import Trait, by_threads, look
from tilevm.types import DType

NUMBERS = (16, 32, 48, 1.0)
DRIVER, EMPTY = "the driver alone", "an empty call of Python"
COUNT = 64  # elements of a tensor
GRID = (1, 1, 1)
DEFAULT = SimpleNamespace(cuda_stream=0)
Way = Callable[[], object]


@tv.kernel("x: f32[N], y: f32[N], z: f32[N], w: f32[N], a: i32, b: i32, c: i32, d: f32", grid=GRID)
def nothing(x: tv.Tensor, y: tv.Tensor, z: tv.Tensor, w: tv.Tensor, a: Any, b: Any, c: Any, d: Any) -> None:
    w.store(0, x.load(0, 16) + y.load(0, 16) + z.load(0, 16) * d + (a + b + c).to(tv.f32))


class Pretending:
    """The backend of card 0, which takes the host's memory for its own."""

    def compile(self, func: Func, abi: KernelAbi) -> Artifact:
        made: Artifact = on_card().compile(func, abi)
        return made


def seen_on_a_card(
    dtype: DType, size: int, address: int, shape: Sequence[int], strides: Sequence[int], name: str
) -> Trait:
    """What specialisation sees of a tensor, with what it is told of those on cards."""
    return by_threads(look(dtype, size, address, shape, strides, name), shape, strides, "cpu")


@cache
def on_card() -> Any:
    where = place("cuda:0")
    found: Any = load(where)
    found.card.device = "cpu"
    vars(arguments).update(look=seen_on_a_card)
    PLACES["cpu"] = Place("cpu", f"{__name__}:backend", where.target, optimise=True, streams=True)
    return found


backend = Pretending()


def ours(name: str, tensors: Sequence[Any]) -> dict[str, Way]:
    """Launches of ``nothing``; the arguments are written out, as callers do."""
    x, y, z, w = tensors
    on, bound = nothing[GRID], nothing.prepare(x, y, z, w, *NUMBERS)
    for _ in range(10):  # until native code has taken over
        nothing(x, y, z, w, 16, 32, 48, 1.0)
        nothing(x, y, z, w, a=16, b=32, c=48, d=1.0)
        nothing[GRID](x, y, z, w, 16, 32, 48, 1.0)
    on = nothing[GRID]
    return {
        f"kernel(...), {name}": lambda: nothing(x, y, z, w, 16, 32, 48, 1.0),
        f"kernel[grid](...), {name}": lambda: nothing[GRID](x, y, z, w, 16, 32, 48, 1.0),
        f"kernel[grid] kept, {name}": lambda: on(x, y, z, w, 16, 32, 48, 1.0),
        f"kernel(..., a=16, ...), {name}": lambda: nothing(x, y, z, w, a=16, b=32, c=48, d=1.0),
        f"kernel.prepare(...), {name}": lambda: bound(),
        f"unprepared, {name}": lambda: nothing._launch(None, (x, y, z, w, 16, 32, 48, 1.0), {}),
    }


def function() -> int:
    """The driver's handle of the kernel."""
    x = np.zeros(COUNT, np.float32)
    artifact: Any = nothing.compile(x, x, x, x, *NUMBERS).build.artifact
    handle: int = artifact.loaded.function.handle
    return handle


def by_cuda_python(tensors: Sequence[Any], address: Callable[[Any], int]) -> Way:
    """cuda-python's own launch: values, and the types that they are passed as."""
    api = require("cuda.bindings.driver", "a launch by cuda-python")
    x, y, z, w = tensors
    types = (*[ctypes.c_void_p] * 4, *[ctypes.c_int] * 3, ctypes.c_float)
    handle = function()

    def launch() -> object:
        values = (address(x), address(y), address(z), address(w), 16, 32, 48, 1.0)
        return api.cuLaunchKernel(handle, 1, 1, 1, 128, 1, 1, 0, 0, (values, types), 0)

    return launch


def by_ctypes(tensors: Sequence[Any], address: Callable[[Any], int]) -> Way:
    """A launch by ctypes, as it is written by hand: each parameter an object, and an array of pointers to them."""
    launch_kernel = ctypes.CDLL("libcuda.so.1").cuLaunchKernel
    x, y, z, w = tensors
    handle = ctypes.c_void_p(function())

    def launch() -> object:
        pointers = [ctypes.c_void_p(address(t)) for t in (x, y, z, w)]
        values = [*pointers, ctypes.c_int(16), ctypes.c_int(32), ctypes.c_int(48), ctypes.c_float(1.0)]
        given = (ctypes.c_void_p * 8)(*map(ctypes.addressof, values))
        return launch_kernel(handle, 1, 1, 1, 128, 1, 1, 0, None, given, None)

    return launch


def ways() -> dict[str, Way]:
    """All that is timed, by name."""
    on_card()
    arrays = [np.zeros(COUNT, np.float32) for _ in range(4)]
    found = ours("numpy", arrays)
    tensors: Sequence[Any] = arrays
    address: Callable[[Any], int] = lambda array: array.ctypes.data  # noqa: E731  # one of two
    if (torch := optional("torch")) is not None:
        torch.cuda.current_stream = lambda number: DEFAULT  # a torch without CUDA has none
        tensors, address = [torch.zeros(COUNT) for _ in range(4)], lambda tensor: tensor.data_ptr()
        found |= ours("torch", tensors)
    return {**found, "cuda-python": by_cuda_python(tensors, address), "ctypes": by_ctypes(tensors, address)}


def nanoseconds(way: Way, calls: int) -> float:
    begin = time.perf_counter_ns()
    for _ in range(calls):
        way()
    return (time.perf_counter_ns() - begin) / calls


def timed(all_ways: Mapping[str, Way], rounds: int, calls: int) -> dict[str, list[float]]:
    """Nanoseconds a call in every round; ways take turns."""
    driver = ctypes.CDLL("libcuda.so.1")
    driver.alone.restype, driver.alone.argtypes = ctypes.c_double, [ctypes.c_long]
    found: dict[str, list[float]] = {name: [] for name in (DRIVER, EMPTY, *all_ways)}
    for _ in range(rounds):
        found[DRIVER].append(driver.alone(100 * calls) / (100 * calls) * 1e9)
        found[EMPTY].append(nanoseconds(lambda: None, calls))
        for name, way in all_ways.items():
            found[name].append(nanoseconds(way, calls))
    return found


def main() -> None:
    rounds, calls = map(int, sys.argv[1:])
    json.dump({"taken": timed(ways(), rounds, calls)}, sys.stdout)


if __name__ == "__main__":
    main()
