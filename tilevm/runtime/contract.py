"""What holds for every call of a specialised kernel, checked each time: extents, strides, ranges, permissions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from tilevm.backend import Argument, Array
from tilevm.ir import Effect, Func, Value
from tilevm.ir.rewrite import walk
from tilevm.runtime.specialise import Specs
from tilevm.signature import ScalarSpec, TensorSpec
from tilevm.source import TileError
from tilevm.types import SMALL, DType, Pointer, Scalar, Tensor, is_small

LIMITS = {False: 2**31 - 1, True: 2**63 - 1}  # of an extent, by whether its dim is wide


@dataclass(frozen=True)
class Contract:
    """Rows of facts, each beginning with the position of an argument in ``params``.

    ``extents``: axis, name of the dim bound there, the most that it may be. ``sizes``: axis, extent that was
    specialised on. ``divisors``: axis, divisor. ``strides``: axis, elements or the name of a dim.
    ``aligned``: bytes, whether strides count too. ``integers``: dtype. ``small``: the tensors whose elements offsets of
    32 bits reach. ``written``: the tensors and pointers that the kernel stores to.
    """

    params: tuple[str, ...]
    extents: tuple[tuple[int, int, str, int], ...]
    sizes: tuple[tuple[int, int, int], ...]
    divisors: tuple[tuple[int, int, int], ...]
    strides: tuple[tuple[int, int, int | str], ...]
    aligned: tuple[tuple[int, int, bool], ...]
    integers: tuple[tuple[int, DType], ...]
    small: tuple[int, ...]
    written: tuple[int, ...]

    @classmethod
    def of(cls, func: Func, specs: Specs) -> Contract:
        """What ``func`` and the signature that it was specialised by ask of a call."""
        types = [p.type for p in func.params]
        dims = [(i, axis, d) for i, t in enumerate(types) if isinstance(t, Tensor) for axis, d in enumerate(t.dims)]
        said = [(i, s) for i, s in enumerate(specs) if s is not None and not isinstance(s, ScalarSpec)]
        strides = [(i, axis, x) for i, s in said for axis, x in enumerate(getattr(s, "strides", None) or ())]
        stored = written(func)
        return cls(
            params=tuple(p.hint for p in func.params),
            extents=tuple((i, axis, d.name, LIMITS[d.wide]) for i, axis, d in dims if d.name is not None),
            sizes=tuple((i, axis, d.size) for i, axis, d in dims if d.size is not None),
            divisors=tuple((i, axis, d.divisor) for i, axis, d in dims if d.divisor > 1),
            strides=tuple((i, axis, x) for i, axis, x in strides if x is not None),
            aligned=tuple((i, s.align, isinstance(s, TensorSpec)) for i, s in said if s.align > 1),
            integers=tuple((i, t.dtype) for i, t in enumerate(types) if isinstance(t, Scalar) and t.dtype.is_integer),
            small=tuple(i for i, t in enumerate(types) if isinstance(t, Tensor) and t.small),
            written=tuple(i for i, p in enumerate(func.params) if p in stored),
        )

    def check(self, arguments: Sequence[Argument]) -> dict[str, int]:
        """The numbers of dims and integer arguments. Raises TileError for the first thing that does not hold."""
        names = self.bind(arguments)
        if self.sizes or self.divisors:
            self.check_extents(arguments)
        if self.strides or self.aligned:
            self.check_memory(arguments, names)
        for i in self.small:
            array = arguments[i]
            assert isinstance(array, Array), "tensors are arrays"
            if not is_small(array.dtype, array.shape, array.strides):
                self.too_far(i)
        for i in self.written:
            if not arguments[i].writable:  # type: ignore[union-attr]  # tensors and pointers are arrays
                self.read_only(i, arguments[i].packed)  # type: ignore[union-attr]
        return names

    def bind(self, given: Sequence[Any]) -> dict[str, int]:
        """What each name stands for; a dim and an integer argument of one name are one."""
        names: dict[str, int] = {}
        for i, dtype in self.integers:
            if not dtype.min <= given[i] <= dtype.max:
                self.out_of_range(i, dtype, given[i])
            names[self.params[i]] = given[i]
        for i, axis, name, most in self.extents:
            extent = given[i].shape[axis]
            if names.setdefault(name, extent) != extent:
                self.unequal(name, names[name], i, axis, extent)
            if extent > most:
                self.too_long(i, axis, extent)
        return names

    def check_extents(self, given: Sequence[Any]) -> None:
        for i, axis, size in self.sizes:
            if given[i].shape[axis] != size:
                self.other_size(i, axis, size, given[i].shape[axis])
        for i, axis, divisor in self.divisors:
            if given[i].shape[axis] % divisor:
                self.indivisible(i, axis, divisor, given[i].shape[axis])

    def check_memory(self, given: Sequence[Any], names: Mapping[str, int]) -> None:
        for i, axis, stride in self.strides:
            wanted = names[stride] if isinstance(stride, str) else stride
            if given[i].strides[axis] != wanted and given[i].shape[axis] > 1:
                self.other_stride(i, axis, stride, wanted, given[i].strides[axis])
        for i, bytes_, rows in self.aligned:
            if given[i].address % bytes_ or (rows and ragged(given[i], bytes_)):
                self.unaligned(i, bytes_, given[i])

    # What to say when something does not hold -----------------------------------------------------------------

    def out_of_range(self, i: int, dtype: DType, value: int) -> NoReturn:
        raise TileError(
            f"{self.params[i]} is {value}, and {dtype} holds {dtype.min} to {dtype.max}",
            help="pass a smaller number, or widen the type in the signature",
        )

    def unequal(self, name: str, first: int, i: int, axis: int, extent: int) -> NoReturn:
        owner = next((f"in {self.params[j]} (axis {a})" for j, a, n, _ in self.extents if n == name), "")
        if name in (self.params[j] for j, _ in self.integers):
            owner = f"as the argument {name}"
        raise TileError(
            f"dim {name} is {first} {owner} and {extent} in {self.params[i]} (axis {axis})",
            help="pass tensors whose extents agree; dims that may differ need different names in the signature",
        )

    def too_long(self, i: int, axis: int, extent: int) -> NoReturn:
        raise TileError(
            f"{self.params[i]} has {extent} elements along axis {axis}, and this was compiled for at most 2**31-1",
            help="call the kernel itself: it compiles for what it is given",
        )

    def other_size(self, i: int, axis: int, size: int, extent: int) -> NoReturn:
        raise TileError(
            f"{self.params[i]} has extent {extent} along axis {axis}, and the signature says {size}",
            help="write a name there to take any extent",
        )

    def indivisible(self, i: int, axis: int, divisor: int, extent: int) -> NoReturn:
        up = extent + -extent % divisor
        raise TileError(
            f"{self.params[i]} has extent {extent} along axis {axis}, which {divisor} does not divide",
            help=f"pad it to {up}, or leave out %{divisor} in the signature",
        )

    def other_stride(self, i: int, axis: int, said: int | str, wanted: int, stride: int) -> NoReturn:
        meaning = f"{said}, which is {wanted}" if isinstance(said, str) else f"{said}"
        raise TileError(
            f"{self.params[i]} has stride {stride} along axis {axis}, and the signature says {meaning}",
            help=f"pass a copy of {self.params[i]} laid out so, or write _ for that stride",
        )

    def unaligned(self, i: int, bytes_: int, argument: Any) -> NoReturn:
        rows = f"has strides {argument.strides}{f' of {argument.dtype.bits} bits' * argument.packed}"
        at = f"begins at {argument.address:#x}" if argument.address % bytes_ else rows
        raise TileError(
            f"{self.params[i]} {at}, and the signature says that its rows begin at multiples of {bytes_} bytes",
            help=f"allocate it so, or ask for less than align={bytes_}",
        )

    def too_far(self, i: int) -> NoReturn:
        raise TileError(
            f"{self.params[i]} has elements more than {SMALL} bytes apart, and this was compiled for closer ones",
            help="call the kernel itself, without small in its signature: it compiles for what it is given",
        )

    def read_only(self, i: int, packed: bool) -> NoReturn:
        name = self.params[i]
        mend = "pack it into bytes that" if packed else "pass an array that"
        such = "a bytearray or an array of numpy" if packed else f"a copy of {name}"
        raise TileError(
            f"the kernel stores to {name}, which is read-only", help=f"{mend} can be written to, such as {such}"
        )


def written(func: Func) -> set[Value]:
    """The values in memory that some instruction changes."""
    changing = (op for op in walk(func.body) if op.effect is Effect.WRITE)
    return {v for op in changing for v in op.operands if isinstance(v.type, Tensor | Pointer)}


def ragged(array: Any, bytes_: int) -> bool:
    """Whether some row begins elsewhere between multiples of ``bytes_`` than the first."""
    apart = (s for n, s in zip(array.shape, array.strides, strict=True) if n > 1 and s != 1)
    bits = array.dtype.bits if array.packed else 8 * array.dtype.numpy_bytes
    return any(s * bits % (8 * bytes_) for s in apart)
