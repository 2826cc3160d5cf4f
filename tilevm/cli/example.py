"""Arguments made up for a kernel: by the function ``KERNEL_inputs`` of its file, or from its signature.

``KERNEL_inputs(rng, …)`` gives a dict with the kernel's arguments, and such constants as it likes; its other
parameters have defaults and are set by NAME=VALUE words. ``T`` among them is a dtype of numpy.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from tilevm.frontend.kernel import Kernel
from tilevm.optional import load_file
from tilevm.report.memory import numpy_dtype
from tilevm.runtime.packed import Packed, packed
from tilevm.signature import PointerSpec, ScalarSpec, TensorSpec
from tilevm.source import TileError, nearest
from tilevm.types import DType, dtype, f32
from tilevm.types.codec import encode, pack

EXTENT = 256  # of a dim that nobody says
MOST = 1 << 28  # elements of a tensor
HOOK = "{}_inputs"


@dataclass(frozen=True)
class Named:
    """A kernel that a file holds, and the function there that makes arguments for it, if there is one."""

    kernel: Kernel
    inputs: Callable[..., Mapping[str, Any]] | None


def find(where: str) -> Named:
    """The kernel that ``FILE:KERNEL`` names; without a name, the only one in the file."""
    file, _, name = where.partition(":")
    if not Path(file).is_file():
        raise TileError(f"there is no file {file}")
    held = vars(load_file(file))
    kernels = {k: v for k, v in held.items() if isinstance(v, Kernel)}
    if name in kernels:
        return Named(kernels[name], held.get(HOOK.format(name)))
    known = ", ".join(kernels) or "none"
    if name:
        near = nearest(name, list(kernels))
        mend = f"did you mean {near}?" if near else f"its kernels: {known}"
        raise TileError(f"{file} has no kernel {name}", help=mend)
    if len(kernels) != 1:
        raise TileError(f"{file} has {len(kernels)} kernels: {known}", help=f"say which: {file}:NAME")
    ((name, kernel),) = kernels.items()
    return Named(kernel, held.get(HOOK.format(name)))


def words(pairs: Sequence[str]) -> dict[str, Any]:
    """``NAME=VALUE`` words as values: numbers, number types, or text."""
    out: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not (name.isidentifier() and equals and text):
            raise TileError(f"{pair!r} is not NAME=VALUE", help="as in M=512 BM=64 T=f16")
        try:
            out[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            out[name] = text
    return out


def arguments(named: Named, said: Mapping[str, Any], seed: int = 0) -> tuple[list[Any], dict[str, Any]]:
    """Arguments for the parameters of a kernel, and its constants. Raises TileError for a word too many."""
    rng, left = np.random.default_rng(seed), dict(said)
    if named.inputs is not None:
        return prepared(named.kernel, named.inputs, rng, left)
    return made_up(named.kernel, rng, left)


def prepared(
    kernel: Kernel, hook: Callable[..., Mapping[str, Any]], rng: np.random.Generator, left: dict[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """What the file's own function gives."""
    asked = [n for n in inspect.signature(hook).parameters if n != "rng"]
    words = {n: left.pop(n) for n in list(left) if n in asked}
    if "T" in asked:
        words["T"] = numpy_dtype(element(words.get("T", f32)))
    given = dict(hook(rng, **words))
    missing = [n for n in kernel.parameters.runtime if n not in given and n not in kernel.parameters.defaults]
    if missing:
        raise TileError(f"{HOOK.format(kernel.__name__)} gives no {missing[0]}", help="it returns a dict of arguments")
    constants = {n: given[n] for n in given if n in kernel.parameters.constexprs} | constants_of(kernel, left, asked)
    return [given.get(n, kernel.parameters.defaults.get(n)) for n in kernel.parameters.runtime], constants


def constants_of(kernel: Kernel, left: dict[str, Any], known: Sequence[str]) -> dict[str, Any]:
    """The words left over, which are to be constants of the kernel."""
    constants = {n: left.pop(n) for n in list(left) if n in kernel.parameters.constexprs}
    if left:
        takes = [*known, *kernel.parameters.constexprs]
        raise TileError(
            f"{kernel.__name__} has no dim or constant {next(iter(left))}", help=f"it has {', '.join(takes)}"
        )
    return constants


def made_up(kernel: Kernel, rng: np.random.Generator, left: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Random numbers for what the signature speaks of."""
    variables = dict.fromkeys(s.dtype for s in kernel.signature if isinstance(s.dtype, str))
    types = {name: element(left.pop(name, f32)) for name in variables}
    dims: dict[str, int] = {}
    values = []
    for name in kernel.parameters.runtime:
        spec = kernel.signature.get(name)
        if spec is None:
            raise TileError(f"nothing says what {name} is", help=f"give {kernel.__name__} a signature")
        of = types[spec.dtype] if isinstance(spec.dtype, str) else spec.dtype or f32
        if isinstance(spec, TensorSpec):
            shape = [extent(d.name, d.size, left, dims) for d in spec.dims]
            values.append(packed_random(rng, of, shape) if spec.packed else random(rng, of, shape))
        elif isinstance(spec, ScalarSpec):
            values.append(left.pop(name, 1))
        else:
            assert isinstance(spec, PointerSpec)
            values.append(random(rng, of, [extent(name, None, left, dims)]))
    return values, constants_of(kernel, left, [*types, *dims])


def extent(name: str | None, size: int | None, left: dict[str, Any], dims: dict[str, int]) -> int:
    if size is not None:
        return size
    if name is None:
        return EXTENT
    if name not in dims:
        dims[name] = said = left.pop(name, EXTENT)
        if type(said) is not int or said < 0:
            raise TileError(f"the extent {name} is {said!r}", help=f"give a number of elements, as in {name}={EXTENT}")
    return dims[name]


def element(said: Any) -> DType:
    return said if isinstance(said, DType) else dtype(str(said))


def random(rng: np.random.Generator, of: DType, shape: Sequence[int]) -> np.ndarray:
    """Numbers that do not overflow in a sum, in a numpy array of their type: normal floats, small integers."""
    return numbers(rng, of, shape).astype(numpy_dtype(of))


def packed_random(rng: np.random.Generator, of: DType, shape: Sequence[int]) -> Packed:
    """The same, without gaps between the elements."""
    return packed(pack(encode(numbers(rng, of, shape), of), of), of, shape)


def numbers(rng: np.random.Generator, of: DType, shape: Sequence[int]) -> np.ndarray:
    if prod(shape) > MOST:
        raise TileError(
            f"a tensor of {' x '.join(map(str, shape))} is too large to make up",
            help="give its dims smaller extents, as in M=64, or write a function KERNEL_inputs in the file",
        )
    return rng.standard_normal(shape) if of.is_float else rng.integers(0, min(8, int(of.max) + 1), shape)
