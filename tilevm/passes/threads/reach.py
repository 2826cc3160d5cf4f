"""How wide the offsets of accesses are: how far from element 0 of its memory one can lie.

An offset is a sum of products of indices and strides. Such sums wrap alike at every width, so in 32 bits one comes out
right wherever it fits, whatever its parts do. Only elements that are touched count, and their indices lie inside the
tensor: what lies outside is masked, and its offset is nobody's. Of a pointer nobody states the bounds.
"""

from __future__ import annotations

from collections.abc import Sequence

from tilevm.ir import Value
from tilevm.passes.bounds import Facts
from tilevm.passes.integers import wrap
from tilevm.types import SMALL, DType, Pointer, Scalar, Tensor, i32, i64


def offset_type(memory: Tensor | Pointer, most: Sequence[int | None] = ()) -> DType:
    """What holds the offsets of an access in elements; ``most``: the largest index along each dim, where known."""
    if not isinstance(memory, Tensor):
        return i64
    far = distance(memory, most or (None,) * memory.rank)
    return i32 if memory.small or (far is not None and far * memory.dtype.numpy_bytes <= SMALL) else i64


def distance(kind: Tensor, most: Sequence[int | None]) -> int | None:
    """Elements between element 0 and any that an access touches; None where nothing bounds them."""
    total = 0
    for dim, stride, index in zip(kind.dims, kind.strides, most, strict=True):
        inside = None if dim.size is None else max(dim.size - 1, 0)
        known = [x for x in (inside, index) if x is not None]
        if not known or (stride is None and min(known)):
            return None
        total += min(known) * abs(stride or 0)
    return total


def largest(facts: Facts, start: Value, own: int) -> int | None:
    """The largest index that a dim of a box has inside the tensor, which begins at ``start`` and holds ``own`` more;
    None where nothing tells. A sum that wraps on its way is not what it seems."""
    assert isinstance(start.type, Scalar)
    place = facts.linear(start)
    low, high = facts.low(place), facts.high(place)
    if low is None or high is None or high.number is None:
        return None
    kept = all(wrap(x, start.type.dtype) == x for x in (low, high.number))
    return max(high.number + own, 0) if kept else None
