"""What the tests of emitted PTX share: IR text is emitted, assembled where there is an assembler, and emulated."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tilevm.abi import KernelAbi
from tilevm.backend import Argument, Array as Held
from tilevm.backends.ptx.emit import Listing, emit
from tilevm.backends.ptx.emulator import parse
from tilevm.backends.vm import backend as reference
from tilevm.backends.vm.memory import decoded
from tilevm.backends.vm.values import in_memory
from tilevm.ir import Func, Value
from tilevm.ir.verify import verify
from tilevm.runtime.arguments import read
from tilevm.text import read_func
from tilevm.types import DType, Pointer, Scalar, Tensor

Array = np.ndarray[Any, Any]
PTXAS = shutil.which("ptxas")
RANDOM = np.random.default_rng(11)


def listing(text: str, name: str = "<text>") -> Listing:
    """The PTX of a function in IR text, which errors call by ``name``."""
    return emitted(verify(read_func(text, name)))


def emitted(func: Func) -> Listing:
    """PTX that ptxas takes, where there is one."""
    found = emit(func)
    if PTXAS is not None:
        command = [PTXAS, "-O0", "-arch", str(func.target), "-o", "/dev/null", "-"]
        done = subprocess.run(command, input=found.text, capture_output=True, text=True)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{found.text}"
    return found


def run(text: str, args: Sequence[Any]) -> Listing:
    """A function in IR text, run by the emulator; arrays among the arguments are changed in place.

    Where there is an argument for each parameter, the machine that runs threads by their meaning must agree.
    """
    func = verify(read_func(text))
    found, before = emitted(func), [aligned(a) if isinstance(a, np.ndarray) else a for a in args]
    launch(found, args)
    if len(args) == len(func.params):
        agree(func, args, before)
    return found


def aligned(x: Array) -> Array:
    """A copy whose address 64 divides."""
    raw = np.zeros(x.nbytes + 64, np.uint8)
    begin = -raw.__array_interface__["data"][0] % 64
    found = raw[begin : begin + x.nbytes].view(x.dtype).reshape(x.shape)
    found[...] = x
    return np.asarray(found)


def agree(func: Func, found: Sequence[Any], before: Sequence[Any]) -> None:
    """The reference machine makes of ``before`` what the emulator found."""
    given = [argument(p, a) for p, a in zip(func.params, before, strict=True)]
    with np.errstate(invalid="ignore"):  # of NaN that signals
        reference.compile(func, KernelAbi.of(func)).launch((1, 1, 1), given)
    for param, a, b in zip(func.params, found, before, strict=True):
        if isinstance(a, np.ndarray):
            dtype = memory_of(param)
            held = in_memory(dtype)
            same(dtype, a.view(held), b.view(held), zeros=False)


def memory_of(param: Value) -> DType:
    assert isinstance(param.type, Tensor | Pointer)
    return param.type.dtype


def argument(param: Value, value: Any) -> Argument:
    """An argument as backends take it: memory of the parameter's type, numbers by value."""
    if not isinstance(value, np.ndarray):
        assert isinstance(param.type, Scalar)
        kind = param.type.dtype
        known = kind.is_float and isinstance(value, np.generic)
        return float(decoded(kind, np.asarray(value).view(in_memory(kind)))) if known else value
    found = read(value, param.hint)[0]
    assert isinstance(found, Held)
    return replace(found, dtype=memory_of(param))


def launch(found: Listing, args: Sequence[Any]) -> None:
    """One block on the emulator."""
    kernel = parse(found.text, f"<{found.name}.ptx>").kernel(found.name)
    kernel.launch(1, found.threads, args, shared_bytes=found.shared)


def some(dtype: DType, count: int) -> Array:
    """Elements as memory has them: all bits alike likely, and edges."""
    held = np.dtype(in_memory(dtype))
    bits = RANDOM.integers(0, 256, count * held.itemsize, dtype=np.uint8).view(held)
    if dtype.is_bool:
        return np.asarray(RANDOM.integers(0, 2, count), np.uint8)
    edges = [0, 1, 2, 3, 7]
    if dtype.is_integer:
        edges += [int(dtype.min), int(dtype.max), int(dtype.min) + (1 if dtype.signed else 0), int(dtype.max) - 1]
        edges += [-1, -2, -7] if dtype.signed else [31, 32, 33]
        bits = np.asarray(decoded(dtype, bits))
        places = RANDOM.integers(0, len(edges), count)
        return np.where(RANDOM.random(count) < 0.5, bits, np.array(edges, object).astype(held)[places]).astype(held)
    numbers = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        1.5,
        2.5,
        -2.5,
        3.0,
        np.inf,
        -np.inf,
        np.nan,
        1e-3,
        100.25,
        -7.75,
        2.0**31,
        65519.0,
    ]
    if dtype.name in ("f16", "bf16", "f32", "f64"):
        with np.errstate(all="ignore"):
            normal = (RANDOM.standard_normal(count) * 2.0 ** RANDOM.integers(-6, 7, count)).astype(held)
            special = np.array(numbers).astype(held)[RANDOM.integers(0, len(numbers), count)]
        which, code = RANDOM.random(count), np.dtype(f"u{held.itemsize}")
        parts = [x.view(code) for x in (bits, normal, special)]
        return np.asarray(np.select([which < 0.35, which < 0.7], parts[:2], parts[2]), code).view(held)
    return bits


def same(dtype: DType, found: Array, wanted: Array, zeros: bool = True) -> None:
    """The same numbers, bit for bit but for what NaN holds, and without ``zeros`` for the sign of zero."""
    with np.errstate(invalid="ignore"):  # of NaN that signals
        a, b = decoded(dtype, found), decoded(dtype, wanted)
    if not dtype.is_float:
        np.testing.assert_array_equal(a, b)
        return
    np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
    known = ~np.isnan(b)
    np.testing.assert_array_equal(a[known], b[known])
    if zeros:
        np.testing.assert_array_equal(np.signbit(a[known]), np.signbit(b[known]))
