"""Signatures as values: one record a parameter. What ``str`` prints, ``parse`` reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tilevm.source import Span
from tilevm.types import Dim, DType

Element = DType | str | None  # a number type, the name of a type variable, or anything at all


@dataclass(frozen=True)
class ScalarSpec:
    """``scale: f32``: a number by value."""

    name: str
    dtype: Element
    span: Span | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.name}: {word(self.dtype)}"


@dataclass(frozen=True)
class PointerSpec:
    """``p: *f32``: an address, whose bounds nobody states. ``align`` in bytes divides it."""

    name: str
    dtype: Element
    align: int = 1
    span: Span | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.name}: *{word(self.dtype)}{facts(align=self.align)}"


@dataclass(frozen=True)
class TensorSpec:
    """``x: f16[M%16, 128, _]{strides=(K, 1), align=16, small}``.

    ``strides`` count elements, one an axis: a number, the name of a dim, or None for any; the whole is None when
    nothing was said. ``align``: bytes that divide the address of element 0 and the byte stride of every axis, the
    one whose neighbours touch excepted: each row begins aligned. ``small``: as that of :class:`tilevm.types.Tensor`.
    """

    name: str
    dtype: Element
    dims: tuple[Dim, ...]
    strides: tuple[int | str | None, ...] | None = None
    align: int = 1
    packed: bool = False
    small: bool = False
    span: Span | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        dims = ", ".join(map(str, self.dims))
        packed = " packed" if self.packed else ""
        return f"{self.name}: {word(self.dtype)}[{dims}]{packed}{facts(self.strides, self.align, self.small)}"


ParamSpec = ScalarSpec | PointerSpec | TensorSpec


@dataclass(frozen=True)
class Signature:
    """The parameters that a signature speaks of, in its order."""

    params: tuple[ParamSpec, ...] = ()

    def __str__(self) -> str:
        return ", ".join(map(str, self.params))

    def __iter__(self) -> Iterator[ParamSpec]:
        return iter(self.params)

    def get(self, name: str) -> ParamSpec | None:
        """What is said of one parameter."""
        return next((p for p in self.params if p.name == name), None)


def word(element: Element) -> str:
    return "_" if element is None else str(element)


def facts(strides: tuple[int | str | None, ...] | None = None, align: int = 1, small: bool = False) -> str:
    """What stands in braces, or nothing."""
    said = []
    if strides is not None:
        said.append(f"strides=({', '.join('_' if s is None else str(s) for s in strides)})")
    if align > 1:
        said.append(f"align={align}")
    if small:
        said.append("small")
    return f"{{{', '.join(said)}}}" if said else ""
