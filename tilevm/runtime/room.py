"""Room for results: arrays where another one lives, made by its own library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tilevm.optional import loaded
from tilevm.runtime.arguments import read
from tilevm.runtime.exchange import CUDA
from tilevm.runtime.packed import Packed
from tilevm.source import TileError
from tilevm.types import DType
from tilevm.types.foreign import ABROAD

INTERFACE = "__cuda_array_interface__"


@dataclass(frozen=True)
class Maker:
    """What makes arrays in one place: the functions of ``library``, given ``where``, while ``current`` is entered.

    ``dtypes`` finds what the library calls a type, by numpy's name for it; None where it has no such type.
    """

    library: Any
    dtypes: Callable[[str], Any]
    where: Mapping[str, Any] = field(default_factory=dict)
    current: AbstractContextManager[Any] = field(default_factory=nullcontext)


def empty(like: Any, shape: Sequence[int], dtype: DType | None = None) -> Any:
    """An array whose elements are not set, of ``dtype`` or that of ``like``, where ``like`` lives, by its library.

    Tensors of torch give such on their device, arrays of CuPy on theirs, and what else lives on a card and has
    ``__array_namespace__`` what that makes on its ``device``; all other memory of the host gives arrays of numpy.
    Raises TileError for others on a card, and where the library has no such type.
    """
    return made("empty", like, shape, dtype)


def zeros(like: Any, shape: Sequence[int], dtype: DType | None = None) -> Any:
    """The same with elements that are 0."""
    return made("zeros", like, shape, dtype)


def full(like: Any, shape: Sequence[int], value: float, dtype: DType | None = None) -> Any:
    """The same with elements that are ``value``."""
    return made("full", like, shape, dtype, value)


def made(how: str, like: Any, shape: Sequence[int], dtype: DType | None, *filled: float) -> Any:
    """What the function ``how`` of the library makes."""
    like = like.buffer if isinstance(like, Packed) else like
    maker = next(found for found in (look(like) for look in MAKERS) if found is not None)
    wanted = element(like) if dtype is None else dtype
    kind = maker.dtypes(ABROAD[wanted])
    if kind is None:
        name = maker.library.__name__
        message = f"{name} has no arrays of {wanted}, which would be the result"
        raise TileError(message, help="ask for f32, or give numpy's")
    with maker.current:
        return getattr(maker.library, how)(tuple(shape), *filled, dtype=kind, **maker.where)


def element(like: Any) -> DType:
    """The type of its elements. Raises TileError where no kernel takes it."""
    _, seen = read(like, "x")
    return seen if isinstance(seen, DType) else seen.dtype


def of_torch(like: Any) -> Maker | None:
    torch = loaded("torch")
    if torch is None or not isinstance(like, torch.Tensor):
        return None
    return Maker(torch, attributes(torch), {"device": like.device})


def of_cupy(like: Any) -> Maker | None:
    """CuPy makes arrays on its current device."""
    cupy: Any = loaded("cupy")
    if cupy is None or not isinstance(like, cupy.ndarray):
        return None
    return Maker(cupy, attributes(cupy), current=like.device)


def of_host(like: Any) -> Maker | None:
    return None if on_card(like) else Maker(np, np.dtype)


def of_namespace(like: Any) -> Maker | None:
    """A library that keeps to the standard of Python's array API."""
    told = getattr(like, "__array_namespace__", None)
    return None if told is None else Maker(library := told(), attributes(library), {"device": like.device})


def of_others(like: Any) -> Maker | None:
    shared = 'torch.as_tensor(x, device="cuda")' if hasattr(like, INTERFACE) else "torch.from_dlpack(x)"
    raise TileError(
        f"the result would lie on a card beside a {type(like).__name__}, which does not say how to make another",
        help=f"pass {shared} for it, which is the same memory; or launch the kernel, and pass the output",
    )


MAKERS = (of_torch, of_cupy, of_host, of_namespace, of_others)


def attributes(library: Any) -> Callable[[str], Any]:
    return lambda name: getattr(library, name, None)


def on_card(like: Any) -> bool:
    """Whether what numpy does not hold says that it is in a card's memory."""
    if hasattr(like, INTERFACE):
        return True
    tells = getattr(like, "__dlpack_device__", None)
    return tells is not None and int(tells()[0]) in CUDA
