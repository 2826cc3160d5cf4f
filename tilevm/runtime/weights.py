"""Weights in the order in which the threads of a kernel hold them: each thread's fragment is a run of bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import gcd, prod
from typing import Any

import numpy as np

from tilevm.layout import Layout, LayoutError
from tilevm.layout.mode import REG, THREAD
from tilevm.optional import loaded
from tilevm.runtime.arguments import Read, read
from tilevm.runtime.packed import moved
from tilevm.source import TileError
from tilevm.types import DType, dtype as dtype_called
from tilevm.types.codec import pack, unpack
from tilevm.types.codec.decoding import checked
from tilevm.types.codec.packing import packed_bytes

LOAD = 128  # bits that a thread loads at once


@dataclass(frozen=True, eq=False, repr=False)
class PackedWeights:
    """What :func:`pack_weights` made: ``buffer`` of uint8 (numpy, or torch where that was given), and what it holds.
    On a card it is what :meth:`to` put there.

    Tiles of ``layout.shape`` follow each other in row-major order, but ``group`` neighbours along dim 0 are together:
    for each, the fragments of the threads that hold different elements, in order of threads. A fragment is the
    registers of one thread, slot by slot, tile after tile of the group, without gaps: a multiple of 16 bytes.
    """

    buffer: Any
    dtype: DType
    shape: tuple[int, ...]
    layout: Layout
    group: int

    def __repr__(self) -> str:
        extents = ", ".join(map(str, self.shape))
        return f"<weights {self.dtype}[{extents}] in {self.nbytes} bytes, laid out as {self.layout}>"

    @property
    def nbytes(self) -> int:
        return packed_bytes(prod(self.tiles) * prod(self.layout.shape), self.dtype.bits)

    @property
    def fragment_bytes(self) -> int:
        """Bytes that follow each other for one thread."""
        return self.group * self.layout.registers * self.dtype.bits // 8

    @property
    def tiles(self) -> tuple[int, ...]:
        """How many tiles along each dim, those included that fill up the last group."""
        counts = [-(-extent // tile) for extent, tile in zip(self.shape, self.layout.shape, strict=True)]
        return (-(-counts[0] // self.group) * self.group, *counts[1:])

    def to(self, device: str) -> PackedWeights:
        """The same on a card, "cuda:0", or in the host's memory, "cpu". The buffer is copied, once, and is there when
        this returns; its memory goes with what is returned. Raises TileError for what is no card that is here."""
        return replace(self, buffer=moved(self.buffer, device))

    def unpack(self) -> np.ndarray:
        """The codes, in the shape that they came in: the exact inverse of :func:`pack_weights`. Those on a card are
        copied to the host."""
        places = fragments(self.layout)
        grid, tile = (self.tiles[0] // self.group, self.group, *self.tiles[1:]), self.layout.shape
        threads, slots = places.shape
        codes = unpack(as_numpy(moved(self.buffer, "cpu")), self.dtype, prod(grid) * threads * slots)
        # group row, other tiles, thread, tile of the group, slot → group row, tile of the group, other tiles, elements
        runs = np.moveaxis(codes.reshape(grid[0], *grid[2:], threads, self.group, slots), -2, 1)
        whole = np.empty((*grid, prod(tile)), codes.dtype)
        whole[..., places.reshape(-1)] = runs.reshape(*grid, threads * slots)
        return joined(whole.reshape(*self.tiles, *tile))[tuple(slice(extent) for extent in self.shape)]


def pack_weights(array: Any, dtype: DType | str, layout: Layout) -> PackedWeights:
    """Codes of ``dtype`` (as :func:`tv.encode` gives them) in the byte order of a fragment.

    ``array``: numpy or torch (CPU), of the rank of ``layout``; ``layout``: a tile on thread and reg, such as
    ``kernel.compile(…, target="sm_80").layouts["w"]``. An array that is no multiple of the tile is filled up with
    zeros. Each thread's fragment is contiguous and a multiple of 16 bytes; where one tile gives a thread fewer, tiles
    along dim 0 go together. Raises LayoutError for other ranks and layouts of memory, TileError for what is no code.
    """
    kind = dtype_called(dtype)
    codes = checked(as_numpy(array), kind)
    check(layout, codes.shape)
    bits = layout.registers * kind.bits
    found = PackedWeights(np.empty(0, np.uint8), kind, codes.shape, layout, LOAD // gcd(LOAD, bits))
    filled = np.zeros([count * tile for count, tile in zip(found.tiles, layout.shape, strict=True)], codes.dtype)
    filled[tuple(slice(extent) for extent in codes.shape)] = codes
    places = fragments(layout)
    grid = (found.tiles[0] // found.group, found.group, *found.tiles[1:])
    runs = parted(filled, layout.shape).reshape(*grid, prod(layout.shape))[..., places]
    buffer = pack(np.moveaxis(runs, 1, -2), kind)
    return PackedWeights(like(array, buffer), kind, codes.shape, layout, found.group)


def check(layout: Layout, shape: Sequence[int]) -> None:
    """Raises LayoutError unless ``layout`` is a fragment of arrays of this shape."""
    foreign = [axis for axis in layout.axes if axis not in (THREAD, REG)]
    if foreign:
        raise LayoutError(f"weights are packed for registers of threads, and {layout} lies on {', '.join(foreign)}")
    if len(shape) != layout.rank or not layout.rank:
        raise LayoutError(f"an array of shape {tuple(shape)} has no tiles of shape {layout.shape}")


def fragments(layout: Layout) -> np.ndarray:
    """int64[threads, slots]: the element, in row-major order of the tile, that a slot holds; of replicas the first.

    On a dense axis a digit is (coordinate div stride) mod extent, and that of a replica is 0 in the first.
    """
    thread, slot = np.arange(layout.threads), np.arange(layout.registers)
    copies = [mode for mode in layout.replicas if mode.axis == THREAD and mode.extent > 1]
    for mode in copies:
        thread = thread[thread // mode.stride % mode.extent == 0]
    found = np.zeros((len(thread), len(slot)), np.int64)
    for modes, extent in zip(layout.dims, layout.shape, strict=True):
        found *= extent
        weight = 1
        for mode in modes:
            at = thread[:, None] if mode.axis == THREAD else slot[None, :]
            found += at // max(mode.stride, 1) % mode.extent * weight
            weight *= mode.extent
    return found


def parted(array: np.ndarray, tile: tuple[int, ...]) -> np.ndarray:
    """An array as tiles: [tiles along each dim, then elements along each dim]."""
    pairs = ((extent // step, step) for extent, step in zip(array.shape, tile, strict=True))
    split = array.reshape([part for pair in pairs for part in pair])
    rank = len(tile)
    return split.transpose([*range(0, 2 * rank, 2), *range(1, 2 * rank, 2)])


def joined(tiles: np.ndarray) -> np.ndarray:
    """The inverse of ``parted``."""
    rank = tiles.ndim // 2
    order = [axis for dim in range(rank) for axis in (dim, rank + dim)]
    shape = [tiles.shape[dim] * tiles.shape[rank + dim] for dim in range(rank)]
    return tiles.transpose(order).reshape(shape)


def as_numpy(array: Any) -> np.ndarray:
    """An array of numpy, or of torch on the CPU, as numpy's."""
    torch = loaded("torch")
    if torch is not None and isinstance(array, torch.Tensor):
        if array.device.type != "cpu":
            raise TileError(f"weights are packed on the host, and the tensor is on {array.device}", help="give w.cpu()")
        return np.asarray(array.detach().numpy())
    return np.asarray(array)


def like(model: Any, buffer: np.ndarray) -> Any:
    """Bytes in the library that ``model`` is of."""
    torch = loaded("torch")
    return torch.from_numpy(buffer) if torch is not None and isinstance(model, torch.Tensor) else buffer


@read.register
def read_weights(value: PackedWeights, name: str) -> Read:
    raise TileError(
        f"{name} is packed for threads that hold {value.layout}",
        help=f"no kernel loads that order yet; give tv.packed(tv.pack({name}.unpack(), …), …)",
    )


def accept(name: str, value: PackedWeights, wanted: Layout | None) -> None:
    """Raises TileError unless weights lie as a compiled kernel loads them."""
    if wanted is None:
        raise TileError(
            f"{name} is packed for threads that hold {value.layout}, and the kernel was compiled for elements in order",
            help=f"give the elements: {name}.unpack()",
        )
    if wanted != value.layout:
        raise TileError(
            f"{name} is packed as {value.layout}, and the kernel holds it as {wanted}",
            help=f'pack it again: tv.pack_weights({name}.unpack(), "{value.dtype}", compiled.layouts["{name}"])',
        )
