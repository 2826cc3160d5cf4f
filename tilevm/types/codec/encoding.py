"""Numbers to codes."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tilevm.source import TileError, nearest
from tilevm.types import philox
from tilevm.types.codec.arrays import Array, bits, code_dtype, numbers, own
from tilevm.types.codec.chances import drawn, has_chances
from tilevm.types.codec.floats import float_codes
from tilevm.types.codec.integers import from_integers, from_parts, is_small, small, truths
from tilevm.types.codec.parts import of_floats, of_integers
from tilevm.types.codec.rounding import ROUNDINGS
from tilevm.types.codec.tables import has_table, looked_up
from tilevm.types.dtype import DType
from tilevm.types.lookup import dtype as dtype_called

CHUNK = 1 << 13  # elements: the many temporaries of arithmetic stay in the second-level cache
BATCH = 1 << 15  # elements: the few of tables stay there, and calls of numpy cost little beside the work


class Task(NamedTuple):
    """How to encode: into what, how to round, what to do with what lies outside, and where the stream of draws is."""

    dtype: DType
    rounding: str
    saturate: bool
    seed: int
    first: int

    def draws(self, start: int, count: int) -> Array | None:
        """The random words of the elements from ``start`` on."""
        return philox.stretch(self.seed, self.first + start, count) if self.rounding == "stochastic" else None


def encode(
    values: Any,
    dtype: DType | str,
    rounding: str = "nearest_even",
    saturate: bool = True,
    seed: int = 0,
    first: int = 0,
) -> Array:
    """The codes of ``values`` in ``dtype``: unsigned, in the smallest type of numpy that holds them, in the same shape.

    ``values``: numbers, arrays of numpy or ml_dtypes, tensors of torch on the CPU. Each is rounded once, from its exact
    value. An array that holds ``dtype`` already is not converted: its codes are its bits.

    ``rounding``: ``"nearest_even"`` goes to the nearest number, from the middle to the even code; ``"toward_zero"``
    drops what does not fit; ``"stochastic"`` goes away from zero where draw / 2**32 is less than the part of the step
    that would be dropped. The draw of an element is word ``first`` + its index, in row-major order, of the
    Philox4x32-10 stream of ``seed``, as in ``tv.randint``; ``first`` makes parts of an array round as the whole.

    ``saturate``: what lies beyond the largest number, infinity too, becomes that number. Otherwise it becomes infinity,
    or NaN in types without infinity, or the largest number in types without both; rounding toward zero makes no finite
    number infinite. To overflow is to exceed the largest number after rounding as if exponents had no upper end.
    Integers wrap where they do not saturate.

    NaN stays NaN with its sign, and is code 0 in types without NaN, integers among them. -0 keeps its sign where the
    type has -0. Negative numbers become the smallest number of an unsigned float type, and 0 becomes 2**-127 in f8e8m0.
    In bool whatever is not zero is 1.

    Raises :class:`TileError` for an unknown rounding, a seed or first index outside 0 … 2**64 - 1, and for values that
    are no numbers.
    """
    check_rounding(rounding)
    if not isinstance(saturate, bool | np.bool_):
        raise TileError(f"saturate is True or False, not {saturate!r}")
    task = Task(dtype_called(dtype), rounding, bool(saturate), counted(seed, "seed"), counted(first, "first index"))
    array = numbers(values)
    if task.first + array.size > 2**64:
        raise TileError(f"the stream ends before {array.size} draws from {first} on", help="it has 2**64 words")
    if own(array) == task.dtype:
        held = code_dtype(task.dtype)
        return np.asarray(bits(array).astype(held) & held((1 << task.dtype.bits) - 1))
    flat, codes = array.reshape(-1), np.empty(array.size, code_dtype(task.dtype))
    encoder = encoder_of(array, task)
    with np.errstate(invalid="ignore"):  # a signalling NaN becomes a quiet one
        for start in range(0, array.size, BATCH):
            part, into = flat[start : start + BATCH], codes[start : start + BATCH]
            encode_batch(part, into, task, encoder, task.draws(start, part.size))
    return codes.reshape(array.shape)


def encode_batch(x: Array, codes: Array, task: Task, encoder: Encoder, draws: Array | None) -> None:
    """Write the codes of some numbers."""
    step = BATCH if encoder in (by_table, by_chance) else CHUNK
    for start in range(0, x.size, step):
        part = slice(start, start + step)
        codes[part] = encoder(x[part], task, None if draws is None else draws[part])


Encoder = Callable[[Array, Task, Array | None], Array]


def encoder_of(array: Array, task: Task) -> Encoder:
    """What encodes a chunk of such an array."""
    if task.dtype.is_bool:
        return to_bool
    if has_table(array, task.dtype, task.rounding):
        return by_table
    if task.rounding == "stochastic" and has_chances(array, task.dtype, task.saturate):
        return by_chance
    source = own(array)
    exact = source is not None and not source.is_float  # integers, and bools
    if task.dtype.is_float:
        return wide_integer_to_float if exact and array.dtype.itemsize == 8 else number_to_float
    if exact:
        return integer_to_integer
    return float_to_small if is_small(task.dtype, task.rounding, task.saturate) else float_to_integer


def to_bool(x: Array, task: Task, draws: Array | None) -> Array:
    return truths(x, task.dtype)


def by_table(x: Array, task: Task, draws: Array | None) -> Array:
    return looked_up(x, task.dtype, task.rounding, task.saturate)


def by_chance(x: Array, task: Task, draws: Array | None) -> Array:
    assert draws is not None
    return drawn(x, task.dtype, task.saturate, draws)


def number_to_float(x: Array, task: Task, draws: Array | None) -> Array:
    return float_codes(of_floats(x.astype(np.float64)), task.dtype, task.rounding, task.saturate, draws)


def wide_integer_to_float(x: Array, task: Task, draws: Array | None) -> Array:
    return float_codes(of_integers(x), task.dtype, task.rounding, task.saturate, draws)


def float_to_integer(x: Array, task: Task, draws: Array | None) -> Array:
    return from_parts(of_floats(x.astype(np.float64)), task.dtype, task.rounding, task.saturate, draws)


def float_to_small(x: Array, task: Task, draws: Array | None) -> Array:
    return small(x if x.dtype == np.float32 else x.astype(np.float64), task.dtype, task.rounding)


def integer_to_integer(x: Array, task: Task, draws: Array | None) -> Array:
    return from_integers(x if x.dtype == np.uint64 else x.astype(np.int64), task.dtype, task.saturate)


def check_rounding(rounding: str) -> None:
    known = list(ROUNDINGS)
    if rounding not in known:
        begun = [name for name in known if rounding and name.startswith(str(rounding))]
        near = begun[0] if begun else nearest(str(rounding), known)
        help = f"did you mean {near!r}?" if near else f"there are {', '.join(map(repr, known))}"
        raise TileError(f"no rounding is called {rounding!r}", help=help)


def counted(value: Any, what: str) -> int:
    """``value`` as an integer of 64 bits without sign."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TileError(f"the {what} is an integer, not {value!r}") from None
    if not 0 <= number < 2**64:
        help = f"kernels take it for {number % 2**64}" if -(2**63) <= number < 0 else None
        raise TileError(f"the {what} is {number}, and must lie from 0 to 2**64 - 1", help=help)
    return number
