"""From an index to where its element lies, and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from operator import index as integer
from typing import SupportsIndex, TypeAlias

from tilevm.layout.error import LayoutError, told
from tilevm.layout.form import Form
from tilevm.layout.mode import MEM, REG, THREAD, Mode, Modes, extent_of

MOST_OWNERS = 2**16  # that are listed; the largest cluster has 2**14 threads

Digits: TypeAlias = SupportsIndex | tuple[SupportsIndex, ...]  # of one dim
Index: TypeAlias = SupportsIndex | tuple[Digits, ...]
Entry: TypeAlias = Index | Digits


def offset(form: Form, index: Index) -> int:
    """The coordinate of an element on the only axis.

    Raises LayoutError when there are several axes or replicas, and when the index is out of bounds.
    """
    if len(form.axes) > 1 or form.key[1]:
        raise LayoutError("only a layout of one axis, without replicas, gives an offset: ask owners(index)")
    return sum(place(form, index).values())


def owners(form: Form, index: Index) -> tuple[tuple[int, int], ...]:
    """Who holds an element: (thread, register) pairs, threads ascending.

    Raises LayoutError on other axes, and for more than 65536 owners.
    """
    check_registers(form)
    held = extent_of(form.replicas)
    if held > MOST_OWNERS:
        raise LayoutError(f"{held} owners of an element are too many to list: at most {MOST_OWNERS}")
    found = place(form, index)
    threads = sorted(found[THREAD] + step for step in reach(form.replicas))
    return tuple((thread, found[REG]) for thread in threads)


def index_at(form: Form, thread: int, register: int) -> tuple[int, ...] | None:
    """The index of what ``register`` of ``thread`` holds; None beyond the threads or registers."""
    check_registers(form)
    if not (0 <= thread < form.threads and 0 <= register < form.registers):
        return None
    at = {THREAD: thread, REG: register}
    return tuple(count(modes, at) for modes in form.dims)


def count(modes: Modes, at: dict[str, int]) -> int:
    """The index whose digits the coordinates show: on a dense axis a digit is (c div stride) mod extent."""
    total, weight = 0, 1
    for mode in modes:
        if mode.extent == 1:
            continue
        total += weight * (at[mode.axis] // mode.stride % mode.extent)
        weight *= mode.extent
    return total


def check_registers(form: Form) -> None:
    """Raises LayoutError unless the elements lie in registers of threads."""
    for axis in form.axes:
        if axis not in (THREAD, REG):
            raise LayoutError(f"a layout on {axis} has no owners: they are of layouts on {THREAD} and {REG}")


def reach(replicas: Modes) -> Iterator[int]:
    """How far each replica lies from the first."""
    steps = (range(0, mode.extent * mode.stride, mode.stride) for mode in replicas if mode.extent > 1)
    return (sum(step) for step in product(*steps))


def place(form: Form, index: Index) -> Counter[str]:
    """Axis → coordinate of an element, at its first replica."""
    found: Counter[str] = Counter()
    for mode, digit in digits(form, index):
        found[mode.axis] += digit * mode.stride
    if form.xor:
        found[MEM] = form.xor(found[MEM])
    return found


def digits(form: Form, index: Index) -> Iterator[tuple[Mode, int]]:
    """Each mode of the dims with its digit.

    An int counts all dims colexicographically (dim 0 fastest, as in CuTe). A tuple has one entry a dim: an int, or
    a tuple with one digit a mode, as the layout was built. Raises LayoutError out of bounds.
    """
    entries = parts(index, form.shape)
    for modes, entry in zip(form.dims, entries, strict=True):
        found = parts(entry, [mode.extent for mode in modes])
        yield from zip(modes, map(number, found), strict=True)


def parts(index: Entry, extents: Sequence[int]) -> tuple[Entry, ...]:
    """An index as one part an extent, the first fastest. Raises LayoutError out of bounds or at a wrong length."""
    if not isinstance(index, tuple):
        return unravel(number(index), extents)
    if len(index) != len(extents):
        raise LayoutError(f"index {told(index)} has {len(index)} entries where {len(extents)} are due")
    for part, extent in zip(index, extents, strict=True):
        if not isinstance(part, tuple):
            check_bounds(number(part), extent)
    return index


def unravel(index: int, extents: Sequence[int]) -> tuple[int, ...]:
    """The mixed-radix digits of ``index``, the first fastest."""
    check_bounds(index, prod(extents))
    found = []
    for extent in extents:
        index, digit = divmod(index, extent)
        found.append(digit)
    return tuple(found)


def check_bounds(index: int, extent: int) -> None:
    """Raises LayoutError unless 0 ≤ index < extent."""
    if not 0 <= index < extent:
        raise LayoutError(f"index {told(index)} is not in 0 … {extent - 1}")


def number(part: Entry) -> int:
    """The int that ``part`` is. Raises LayoutError when it is not a whole number."""
    if isinstance(part, int):  # nearly always; asking the protocol takes ten times longer
        return part
    if not isinstance(part, SupportsIndex):
        raise LayoutError(f"{told(part)} stands in an index where a whole number is due")
    return integer(part)
