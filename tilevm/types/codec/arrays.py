"""What users hold, taken in as numpy arrays."""

from __future__ import annotations

from functools import cache
from typing import Any

import ml_dtypes
import numpy as np

from tilevm.optional import loaded
from tilevm.source import TileError
from tilevm.types.dtype import DType
from tilevm.types.foreign import FOREIGN

Array = np.ndarray[Any, Any]

BYTES = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}
CONVERTED = "arrays of bools, integers and floats of up to 64 bits have codes"


def code_dtype(dtype: DType) -> Any:
    """The smallest unsigned type of numpy that holds the codes of ``dtype``."""
    return BYTES[dtype.numpy_bytes]


def numbers(values: Any) -> Array:
    """``values`` as an array of bools, integers or floats in this machine's byte order.

    Takes arrays of numpy and ml_dtypes, numbers, nested sequences of them, tensors of torch on the CPU, and whatever
    numpy can read. Raises TileError for anything else.
    """
    array = from_torch(values) if is_torch(values) else as_array(values)
    if isinstance(values, np.ma.MaskedArray):
        raise TileError("a masked array would lose its mask", help="pass .filled(…)")
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype.kind not in "biuf" and array.dtype.name not in FOREIGN and not is_small_float(array.dtype):
        raise TileError(f"no number type encodes {called(array.dtype)}", help=CONVERTED)
    if array.dtype.itemsize > 8:
        help = ".astype(np.float64) rounds them first"
        raise TileError(f"{array.dtype.name} is wider than the 64 bits that are read exactly", help=help)
    return array


def as_array(values: Any) -> Array:
    """``values`` through numpy; Python's integers stay integers, also where numpy would make floats of them."""
    try:
        array = np.asarray(values)
        if isinstance(values, int | list | tuple) and array.dtype.kind in "fO":
            return whole(np.array(values, dtype=object), array)
        return array
    except (TypeError, ValueError, RuntimeError) as error:
        raise TileError(f"numpy reads no array from this {type(values).__name__}: {error}", help=CONVERTED) from None


def whole(objects: Array, array: Array) -> Array:
    """``array``, or ``objects`` as integers where all of them are: numpy makes floats of [-1, 2**63]."""
    if not objects.size or not all(isinstance(v, int | np.integer) for v in objects.flat):
        return array
    low, high = int(min(objects.flat)), int(max(objects.flat))
    if low < -(2**63) or high >= 2**64 or (low < 0 and high >= 2**63):
        what = f"everything from {low} to {high}" if low < high else str(low)
        raise TileError(
            f"no integer of 64 bits holds {what}",
            help="encode the negative numbers and the large ones apart" if -(2**63) <= low and high < 2**64 else None,
        )
    return objects.astype(np.int64 if low < 0 else np.uint64)


def is_torch(values: Any) -> bool:
    torch = loaded("torch")
    return torch is not None and isinstance(values, torch.Tensor)


def from_torch(tensor: Any) -> Array:
    """The numbers of a tensor of torch on the CPU. Raises TileError for one that lives elsewhere."""
    if not tensor.is_cpu:
        raise TileError(f"the tensor lives on {tensor.device}, and the codec runs on the CPU", help="pass .cpu()")
    torch, name = loaded("torch"), str(tensor.dtype).removeprefix("torch.")
    assert torch is not None
    if name not in FOREIGN:
        raise TileError(f"no number type encodes tensors of {name}", help=CONVERTED)
    plain = tensor.detach().resolve_conj().resolve_neg().contiguous()
    flat: Array = plain.reshape(-1).view(torch.uint8).numpy()
    return flat.view(numpy_dtype(name)).reshape(tuple(tensor.shape))


@cache
def numpy_dtype(name: str) -> np.dtype[Any]:
    """The dtype of numpy or ml_dtypes with this name."""
    return np.dtype(getattr(ml_dtypes, name, name))


@cache
def is_small_float(dtype: np.dtype[Any]) -> bool:
    """A float of ml_dtypes that has no counterpart here, and is read by its value."""
    return dtype.kind == "V" and dtype.name.startswith("float8_")


def called(dtype: np.dtype[Any]) -> str:
    return "objects of Python" if dtype == np.object_ else f"arrays of {dtype.name}"


def own(array: Array) -> DType | None:
    """The number type whose codes the bits of ``array`` are."""
    return FOREIGN.get(array.dtype.name)


def bits(array: Array) -> Array:
    """The bits of each element, unsigned."""
    return array.view(BYTES[array.dtype.itemsize])
