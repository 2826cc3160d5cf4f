"""Arguments as callers hold them, taken in as backends see them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, singledispatch
from typing import Any, NamedTuple, TypeVar

import numpy as np

from tilevm.backend import ANYWHERE, Argument, Array, cards
from tilevm.optional import loaded
from tilevm.runtime.exchange import CUDA, Foreign, of_dlpack, of_interface
from tilevm.source import TileError
from tilevm.types import DType, bool_, f32, i32, i64, is_small, u64
from tilevm.types.foreign import ELEMENTS, FOREIGN

ACCEPTED = f"tensors hold {', '.join(FOREIGN)}"
WIDEST = 2**31 - 1  # of an extent in i32
SPECIALISED = 16  # bytes: what addresses and strides are looked at modulo
HOST = {1, 3, 11}  # DLPack's kinds of memory that the CPU reads: its own, and pinned for CUDA or ROCm
ELSEWHERE = {4: "opencl", 7: "vulkan", 8: "metal", 10: "rocm", 14: "oneapi"}


class Trait(NamedTuple):
    """All that specialisation sees of a tensor.

    ``units``: on which axes neighbours touch. ``align``: 16 where the address and the byte strides of the other
    axes are multiples of 16, else the bytes of an element, or 1 where it is ``packed``. ``wide``: the axes whose
    extents exceed i32. ``even``: those whose extents 16 divides, told to machines with threads alone: there it lets
    threads move several elements at once up to the edge. ``small``, told to them too: whether offsets of 32 bits reach
    all elements (:func:`tilevm.types.is_small`). ``device``: whose memory it is.
    """

    dtype: DType
    units: tuple[bool, ...]
    align: int
    wide: tuple[int, ...] = ()
    packed: bool = False
    even: tuple[int, ...] = ()
    small: bool = False
    device: str = "cpu"


class Weak(NamedTuple):
    """A Python number: it takes the type that the parameter wants, and ``dtype`` where that is open."""

    dtype: DType


EVEN = 16  # elements
Seen = Trait | Weak | DType  # of a tensor, a Python number, a number that brings its type
Read = tuple[Argument, Seen]

WEAK_BOOL, WEAK_FLOAT, WEAK_I32, WEAK_I64, WEAK_U64 = Weak(bool_), Weak(f32), Weak(i32), Weak(i64), Weak(u64)


@singledispatch
def read(value: Any, name: str) -> Read:
    """The argument called ``name`` as backends take it, and what specialisation sees of it.

    Takes numpy and ml_dtypes arrays, torch tensors on the CPU and on cards of CUDA, what speaks DLPack or the CUDA
    array interface, and numbers of Python and numpy. Raises TileError that says what is accepted instead.
    """
    torch = loaded("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return read_torch(value, name)
    if not isinstance(value, type):
        said = asked(name, "__cuda_array_interface__", lambda: getattr(value, "__cuda_array_interface__", None))
        if said is not None:
            return read_foreign(of_interface(value, said, name), name)
        if hasattr(value, "__dlpack__"):
            return read_dlpack(value, name)
    raise TileError(
        f"{name} is a {type(value).__name__}, which no kernel takes",
        help="pass a numpy array, a torch tensor, an object with __dlpack__, or a number",
    )


@read.register
def read_bool(value: bool, name: str) -> Read:
    return value, WEAK_BOOL


@read.register
def read_int(value: int, name: str) -> Read:
    if -(2**31) <= value < 2**31:
        return value, WEAK_I32
    if -(2**63) <= value < 2**63:
        return value, WEAK_I64
    if 0 <= value < 2**64:
        return value, WEAK_U64
    mend = f"i64 holds -2**63 to 2**63-1, u64 0 to 2**64-1; pass float({name}) where a float is meant"
    raise TileError(f"{name} is {value}, which fits no integer type", help=mend)


@read.register
def read_float(value: float, name: str) -> Read:
    return value, WEAK_FLOAT


@read.register
def read_number(value: np.generic, name: str) -> Read:
    """A number that brings its type: one of numpy or ml_dtypes."""
    dtype = element(value.dtype, name)
    convert = float if dtype.is_float else bool if dtype.is_bool else int
    return convert(value), dtype


@read.register
def read_masked(value: np.ma.MaskedArray, name: str) -> Read:
    raise TileError(f"{name} is a masked array, and a kernel would not see its mask", help=f"pass {name}.filled(…)")


@read.register
def read_numpy(value: np.ndarray, name: str) -> Read:
    dtype, size, shape = element(value.dtype, name), value.itemsize, value.shape
    address: int = value.__array_interface__["data"][0]
    strides = value.strides
    if size > 1:
        if any(s % size for s in strides):
            raise TileError(
                f"{name} has byte strides {strides}, which are not whole elements of {size} bytes",
                help=f"pass np.ascontiguousarray({name})",
            )
        strides = tuple(s // size for s in strides)
    low, high = bounds(value, address)
    seen = look(dtype, size, address, shape, strides, name)
    lowest, highest = -((address - low) // size), (high - address) // size
    return Array(dtype, address, shape, strides, lowest, highest, value, value.flags.writeable), seen


def bounds(array: np.ndarray, address: int) -> tuple[int, int]:
    """The addresses where the memory of an array's outermost owner begins and ends."""
    owner, start = array, address
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    if owner is not array:
        start, array = owner.__array_interface__["data"][0], owner
    if array.flags.forc:
        return start, start + array.nbytes
    spans = [(n - 1) * s for n, s in zip(array.shape, array.strides, strict=True)]
    if array.size == 0:
        return start, start
    return start + sum(s for s in spans if s < 0), start + sum(s for s in spans if s > 0) + array.itemsize


def read_torch(value: Any, name: str) -> Read:
    """A torch tensor; its memory is used as it stands."""
    device = "cpu" if value.is_cpu else f"{value.device}"
    for wrong, message, mend in REFUSED:
        if wrong(value):
            raise TileError(message.format(name=name, value=value), help=mend.format(name=name))
    dtype, shape, strides = torch_element(value.dtype, name), tuple(value.shape), value.stride()
    size = value.element_size()
    try:
        address, storage = value.data_ptr(), value.untyped_storage()
    except RuntimeError as error:  # inside torch.vmap, say
        mend = "call the kernel outside of what torch transforms"
        raise TileError(f"{name} is a {type(value).__name__} without memory: {error}", help=mend) from error
    if value.numel() and (address == 0 or storage.data_ptr() == 0):  # a view's address is not 0
        raise TileError(
            f"{name} is a {type(value).__name__} without memory", help="pass a tensor that holds its elements"
        )
    before = address - storage.data_ptr()
    seen = look(dtype, size, address, shape, strides, name)
    lowest, highest = -(before // size), (storage.nbytes() - before) // size
    if device != "cpu":
        seen = on_card(seen, shape, strides, device)
    return Array(dtype, address, shape, strides, lowest, highest, value, True, False, device, memory=storage), seen


def on_rocm() -> bool:
    """Whether what torch calls CUDA is ROCm."""
    torch = loaded("torch")
    return torch is not None and torch.version.hip is not None


def gradient_wanted(tensor: Any) -> bool:
    torch = loaded("torch")
    return bool(tensor.requires_grad and torch is not None and torch.is_grad_enabled())


REFUSED: tuple[tuple[Callable[[Any], bool], str, str], ...] = (  # what is wrong with a tensor, and the mend
    (lambda t: t.is_nested, "{name} is a nested tensor", "pass one of its parts, or {name}.to_padded_tensor(0)"),
    (lambda t: t.is_meta, "{name} is a meta tensor, which has no elements", "make it on the CPU or on a card"),
    (
        lambda t: not t.is_cpu and (not t.is_cuda or on_rocm()),
        "{name} lives on {value.device}, which no device of tilevm reaches here",
        "pass {name}.cpu(), and copy the result back",
    ),
    (
        lambda t: str(t.layout) != "torch.strided",
        "{name} is a tensor of layout {value.layout}",
        "pass {name}.to_dense()",
    ),
    (
        gradient_wanted,
        "{name} requires a gradient, and a kernel does not record one",
        "pass {name}.detach(), or call the kernel under torch.no_grad()",
    ),
    (lambda t: t.is_neg(), "{name} is a lazy negation", "pass {name}.resolve_neg()"),
    (lambda t: t.is_conj(), "{name} is a lazy conjugate", "pass {name}.resolve_conj()"),
)


def read_dlpack(value: Any, name: str) -> Read:
    """What speaks DLPack: memory of the host is seen through numpy."""
    kind = asked(name, "__dlpack_device__", lambda: int(value.__dlpack_device__()[0]))
    if kind in CUDA:
        return read_foreign(of_dlpack(value, name), name)
    if kind not in HOST:
        where = ELSEWHERE.get(kind, f"DLPack device {kind}")
        raise TileError(
            f"{name} lives on {where}, which no device of tilevm reaches here", help="copy it to the CPU first"
        )
    try:
        array = np.from_dlpack(value)
    except Exception as error:  # what an object raises that somebody wrote
        raise TileError(f"{name} cannot be taken over by DLPack: {error}", help=ACCEPTED) from error
    return read_numpy(array, name)


T = TypeVar("T")


def asked(name: str, protocol: str, ask: Callable[[], T]) -> T:
    """What an argument answers. Raises TileError, by the argument's own error, where it raises one."""
    try:
        return ask()
    except Exception as error:
        message = f"{name} cannot be asked for {protocol}: {type(error).__name__}: {error}"
        raise TileError(message, help="pass a numpy array or a torch tensor, or mend the object") from error


def read_foreign(found: Foreign, name: str) -> Read:
    """A tensor in a card's memory, which is used as it stands."""
    if found.card is not None:
        device = f"cuda:{found.card}"
    elif 0 in found.shape:
        device = ANYWHERE
    else:
        device = f"cuda:{cards('cuda').holding(found.address)}"
    seen = look(found.dtype, found.size, found.address, found.shape, found.strides, name)
    array = Array(
        *(found.dtype, found.address, found.shape, found.strides, 0, 0, found.owner, found.writable),
        device=device,
        stream=found.stream,
    )
    lowest, highest = array.span  # nothing tells what the owner has beside it
    return replace(array, lowest=lowest, highest=highest), on_card(seen, found.shape, found.strides, device)


def on_card(seen: Trait, shape: Sequence[int], strides: Sequence[int], device: str) -> Trait:
    """What is seen of a tensor in a card's memory."""
    return by_threads(seen, shape, strides, device)


def look(dtype: DType, size: int, address: int, shape: Sequence[int], strides: Sequence[int], name: str) -> Trait:
    """What specialisation sees. An axis of one element is a unit axis where it is the last, and else is not."""
    units, bits, last = [], address, len(shape) - 1
    for axis, (extent, stride) in enumerate(zip(shape, strides, strict=True)):
        unit = stride == 1 if extent > 1 else axis == last
        units.append(unit)
        if extent > 1 and not unit:
            bits |= stride * size
    if 0 in shape:  # nothing is read
        bits = 0
    if bits % size:
        raise TileError(
            f"{name} begins at address {address:#x}, which is no multiple of its element's {size} bytes",
            help=f"pass a copy: {name}.copy()",
        )
    return Trait(dtype, tuple(units), size if bits % SPECIALISED else SPECIALISED, wide(shape))


def wide(shape: Sequence[int]) -> tuple[int, ...]:
    """The axes that are longer than i32 counts."""
    if max(shape, default=0) <= WIDEST:
        return ()
    return tuple(axis for axis, extent in enumerate(shape) if extent > WIDEST)


def element(dtype: np.dtype[Any], name: str) -> DType:
    """The number type of a numpy dtype."""
    found = native(dtype)
    if found is None:
        swapped = (
            ""
            if dtype.isnative
            else f" in the other byte order; {name}.astype({dtype.newbyteorder('=').str!r}) turns it"
        )
        raise TileError(f"{name} holds {dtype.name}{swapped}", help=ACCEPTED)
    return found


@cache
def native(dtype: np.dtype[Any]) -> DType | None:
    return FOREIGN.get(dtype.name) if dtype.isnative else None


def torch_element(dtype: Any, name: str) -> DType:
    """The number type of a torch dtype."""
    found = ELEMENTS.get(str(dtype).removeprefix("torch."))
    if found is None:
        raise TileError(f"{name} holds {dtype}", help=ACCEPTED)
    return found


def for_threads(argument: Argument, seen: Seen) -> Seen:
    """What is seen of an argument, with what is told to machines with threads alone."""
    if not isinstance(seen, Trait):
        return seen
    assert isinstance(argument, Array), "a trait is of an array"
    return by_threads(seen, argument.shape, argument.strides, seen.device)


def by_threads(seen: Trait, shape: Sequence[int], strides: Sequence[int], device: str) -> Trait:
    return seen._replace(even=even(shape), small=is_small(seen.dtype, shape, strides), device=device)


def even(shape: Sequence[int]) -> tuple[int, ...]:
    """The axes that 16 divides."""
    return tuple(axis for axis, extent in enumerate(shape) if extent % EVEN == 0)
